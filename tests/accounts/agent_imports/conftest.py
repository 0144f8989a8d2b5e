from functools import partial

import pytest

from tests.support.commands import import_content


@pytest.fixture
def run(tmp_path):
    """Import this text; the lines of the answer."""
    return partial(import_content, "import_agents", tmp_path / "agents.csv")
