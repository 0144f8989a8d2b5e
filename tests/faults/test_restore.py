"""F15: a real backup, changes, a real restoration, and the command that follows it."""

import pytest

from tests.support.people import code
from tests.support.servers import postgresql
from tests.support.servers.site import Agent

pytestmark = pytest.mark.postgresql
VERIFY, ADD = "/verification/", "/compte/deux-facteurs/otp-mel/"


def backup(site):
    program, file = site.database.binaries / "pg_dump", site.database.directory / "backup"
    postgresql._run(program, "--format=custom", f"--file={file}", site.database.url)


def restore(site):
    program, file = site.database.binaries / "pg_restore", site.database.directory / "backup"
    postgresql._run(program, "--clean", "--if-exists", f"--dbname={site.database.url}", file)


def test_f15_what_was_used_since_the_backup_is_not_usable_again(site):
    before = Agent(site, "verify.n0")
    backup(site)
    typed = code()
    assert before.form(VERIFY, code=typed)().status_code == 303
    enrolled_since = Agent(site, "enrol.n0")
    assert enrolled_since.form(ADD, code=typed)().status_code == 303
    restore(site)
    assert site.sql("SELECT last_step, confirmed FROM twofactor_otpmeldevice WHERE last_step > -1") == []
    site.manage("after_restore")
    assert before.ask("/compte/").status_code == 302, "also the session that the backup holds"
    again = Agent(site, "verify.n0")
    assert "Code incorrect ou déjà utilisé." in again.form(VERIFY, code=typed)().text
    reasons = site.sql("SELECT detail->>'reason' FROM audit_auditevent WHERE name = 'second_factor:refused'")
    assert reasons == [("already_used",)]
    assert not again.has_two_factors()
