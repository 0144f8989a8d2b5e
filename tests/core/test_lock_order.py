"""Acts that lock several rows lock them in one order: two that meet wait, and neither ends as a deadlock's victim.

Each is stopped at the row that comes first; the one that comes next must be free meanwhile.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts import attempts
from accounts.models import Attempts
from tests.support.at_once import close_connections_after
from tests.support.people import Browser

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
SESSION = "SELECT FROM accounts_agentsession"
AGENT = "SELECT FROM accounts_agent"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
PATIENCE = 3  # seconds; less than an act waits for a lock


def elsewhere():
    return psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})


@contextmanager
def stopped_at(row, act):
    """Check that the act waits while another connection has locked this row."""
    with ThreadPoolExecutor(1) as pool:
        with elsewhere() as holder:
            holder.execute(f"{row} FOR UPDATE")
            under_way = pool.submit(close_connections_after(act))
            end = time.monotonic() + PATIENCE
            with elsewhere() as observer:
                observer.autocommit = True
                while not observer.execute(WAITING).fetchone()[0]:
                    assert time.monotonic() < end, "nothing waits"
                    time.sleep(0.01)
            yield under_way
        under_way.result(PATIENCE)


def take(row):
    """Lock a row on another connection. Raises LockNotAvailable if it is locked already."""
    with elsewhere() as other:
        assert other.execute(f"{row} FOR UPDATE NOWAIT").rowcount == 1


def test_a_session_that_goes_on_is_locked_after_its_agent(camille):
    browser = Browser()
    browser.sign_in()
    page = browser.get("/connexion/")
    with stopped_at(AGENT, lambda: browser.sign_in(page=page)) as under_way:
        take(SESSION)
    assert under_way.result().status_int == 303


def count_tries(camille):
    """Count the tries of a known browser where a directory keeps the password; return statements for both rows."""
    now = timezone.now()
    browser, browsers = f"browser:{camille.uuid}:nonce", f"{attempts.BROWSERS_PREFIX}{camille.uuid}"
    assert attempts.reserve_try(browser, None, now) is None  # so it stands in the table before the other
    assert attempts.reserve_try(browser, browsers, now) is None
    return (f"SELECT FROM accounts_attempts WHERE key = '{key}'" for key in (browsers, browser))


def test_counters_are_unlocked_in_the_order_in_which_tries_take_them(camille):
    first, then = count_tries(camille)
    Attempts.objects.filter(key__startswith=attempts.BROWSERS_PREFIX).update(
        locked_until=None
    )  # now after the other in the table
    with stopped_at(first, lambda: attempts.unlock(camille)) as under_way:
        take(then)
    assert under_way.result() == 2
    assert not Attempts.objects.filter(failures__gt=0).exists()


def test_the_purge_of_counters_waits_for_none_and_leaves_what_somebody_has(camille):
    first, _then = count_tries(camille)
    with elsewhere() as holder:
        holder.execute(f"{first} FOR UPDATE")
        holder.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}s'")  # else a fault would last
        assert attempts.purge_before(timezone.now()) == 1
    assert Attempts.objects.get().key.startswith(attempts.BROWSERS_PREFIX)
    assert attempts.purge_before(timezone.now()) == 1


def test_a_try_takes_them_in_this_order(camille):
    first, then = count_tries(camille)
    with stopped_at(first, lambda: count_tries(camille)):
        take(then)


def test_so_does_a_try_that_was_right(camille):
    first, then = count_tries(camille)
    browser, browsers = f"browser:{camille.uuid}:nonce", f"{attempts.BROWSERS_PREFIX}{camille.uuid}"
    with stopped_at(first, lambda: attempts.record_success(browser, browsers)):
        take(then)


def test_f03_a_right_password_does_not_count_when_the_connection_ends_before_its_session_is_written(camille):
    browser = Browser()
    page = browser.get("/connexion/")
    with stopped_at(AGENT, lambda: browser.sign_in(page=page)) as under_way, elsewhere() as killer:
        killer.execute(WAITING.replace("count(*)", "pg_terminate_backend(pid)"))
    assert under_way.result().status_int == 503
    assert not Attempts.objects.filter(failures__gt=0).exists()


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_sign_in_that_waits_for_its_agent_keeps_nobody_else_of_its_site_waiting(camille, goes_on):
    browser = Browser()
    if goes_on:
        browser.sign_in()
        browser.set_cookie("cerbere_navigateur", "")  # as one that does not know the agent
    page = browser.get("/connexion/")
    with stopped_at(AGENT, lambda: browser.sign_in(page=page)) as under_way:
        take("SELECT FROM accounts_attempts WHERE key = 'source:192.0.2.10'")
    assert under_way.result().status_int == 303
    assert not Attempts.objects.filter(failures__gt=0).exists()
