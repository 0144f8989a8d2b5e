"""The style sheet that is built from the installed design system."""

import re

import pytest
from django.core.management import call_command


@pytest.fixture
def built(tmp_path, settings):
    settings.STATICFILES_DIRS = [tmp_path]
    call_command("cerbere_bundle", verbosity=0)
    return tmp_path / "build"


def test_every_file_that_it_names_is_beside_it(built):
    styles = (built / "dsfr.css").read_text()
    names = {url for url in re.findall(r"""url\(["']?([^"')]+)""", styles) if not url.startswith("data:")}
    assert len(names) > 20
    assert [name for name in names if not (built / name).is_file()] == []


def test_only_the_three_weights_in_use_are_taken(built):
    assert sorted(path.name for path in (built / "fonts").iterdir()) == [
        "Marianne-Bold.woff2", "Marianne-Medium.woff2", "Marianne-Regular.woff2",
    ]  # fmt: skip


def test_building_again_writes_nothing_and_removes_what_is_stale(built, capsys):
    (built / "icons" / "stale.svg").write_text("x")
    call_command("cerbere_bundle")
    assert "0 files written" in capsys.readouterr().out
    assert not (built / "icons" / "stale.svg").exists()
