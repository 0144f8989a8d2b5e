import pytest

from tests.support.servers.serving import running_server


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    with running_server("tests.support.fakes.echo", tmp_path_factory.mktemp("echo"), "--workers=1") as server:
        yield server
