"""P06: the table of sessions holds digests of their keys; a copy of it opens nothing."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from accounts.models import AgentSession
from accounts.sessions.store import SessionStore, digest_key, open_key
from tests.support.people import Browser

pytestmark = pytest.mark.django_db
NAME = "cerbere_session"


def test_p06_the_table_holds_no_key_that_a_cookie_has(browser, camille):
    keys = set()
    for act in (browser.sign_in, browser.sign_in, browser.enrol):
        act()
        keys.add(browser.cookies[NAME])
        row = str(AgentSession.objects.values().get())
        assert not [key for key in keys if key in row]
    assert len(keys) == 3
    assert AgentSession.objects.get().session_key == digest_key(browser.cookies[NAME])


def test_p06_what_the_table_holds_opens_nothing(signed_in):
    signed_in.sign_in()
    row = AgentSession.objects.get()
    for stolen in (row.session_key, row.previous_key, row.session_key[:32], row.previous_key[:32]):
        thief = Browser()
        thief.set_cookie(NAME, stolen)
        assert thief.get("/compte/").status_int == 302


def test_p06_each_proof_draws_a_key_of_its_own(signed_in):
    """No key follows from another; only who has the one before can read the next one in the row."""
    old = signed_in.cookies[NAME]
    signed_in.sign_in()
    row, found_again = AgentSession.objects.get(), SessionStore(old)
    assert found_again.sid is None
    assert open_key(row.sealed_key, old) == signed_in.cookies[NAME]
    assert open_key(row.sealed_key, "a" * 32) is None


def digest_keys(batch):
    migration = import_module("accounts.migrations.0003_session_digests")
    migration.BATCH = batch
    migration.digest_keys(apps, SimpleNamespace(connection=connection))


def test_p06_sessions_that_live_during_the_upgrade_go_on(camille):
    browsers = [Browser() for _ in range(3)]
    for browser in browsers:
        browser.sign_in()
    in_clear = {digest_key(browser.cookies[NAME]): browser.cookies[NAME] for browser in browsers}
    for row in AgentSession.objects.all():
        AgentSession.objects.filter(sid=row.sid).update(session_key=in_clear[row.session_key], previous_key="b" * 32)
    for _ in range(2):  # it may have been interrupted, or run with nothing left
        digest_keys(batch=2)
        assert set(AgentSession.objects.values_list("session_key", "previous_key")) == {(key, "") for key in in_clear}
    assert [browser.get("/compte/").status_int for browser in browsers] == [200] * 3
