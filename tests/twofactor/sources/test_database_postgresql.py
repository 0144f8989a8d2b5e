"""The Bnum's table in a PostgreSQL that Cerbère may only read."""

import os
import time

import psycopg
import pytest
from django.db import DatabaseError, close_old_connections, connections
from psycopg import sql

from cerbere import env
from tests.support.people import CAMILLE_SECRET, code, make_agent
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import SourceUnavailable, State
from twofactor.sources.database import ALIAS, DatabaseSource

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
ADD, TABLE, PASSWORD = "/compte/deux-facteurs/otp-mel/", "courrier.dynalogin_user", "of-the-reader"
READER = f"bnum_reader_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"  # a role is the whole cluster's
DYNALOGIN = f"""
    DROP SCHEMA IF EXISTS courrier CASCADE; DROP ROLE IF EXISTS {READER}; CREATE SCHEMA courrier;
    CREATE TABLE courrier.dynalogin_user (id serial PRIMARY KEY, userid varchar(32) UNIQUE NOT NULL,
        scheme varchar(8) NOT NULL, secret varchar(32), counter integer NOT NULL DEFAULT 0,
        failure_count integer NOT NULL DEFAULT 0, locked boolean NOT NULL DEFAULT false, last_success timestamp,
        last_attempt timestamp, last_code varchar(8), password varchar(32) NOT NULL DEFAULT '');
    CREATE ROLE {READER} LOGIN PASSWORD 'of-the-reader';
    GRANT USAGE ON SCHEMA courrier TO {READER}; GRANT SELECT ON courrier.dynalogin_user TO {READER};
"""


@pytest.fixture
def owner(transactional_db):
    """Yield a connection of the Bnum's own database administrator."""
    here = connections["default"].settings_dict
    address = {"host": here["HOST"], "port": here["PORT"], "dbname": here["NAME"]}
    with psycopg.connect(**address, user=here["USER"], password=here["PASSWORD"], autocommit=True) as owner:
        owner.execute(DYNALOGIN)
        yield owner


@pytest.fixture
def bnum(owner, settings, monkeypatch):
    """Set the source's own connection up, as CERBERE_MELOTP_DATABASE_URL makes it."""
    settings.MELOTP_TABLE = TABLE
    at = owner.info
    reading_at(monkeypatch, f"postgresql://{READER}:{PASSWORD}@{at.host}:{at.port}/{at.dbname}")
    yield owner
    let_go()


def reading_at(monkeypatch, url):
    monkeypatch.setenv("CERBERE_MELOTP_DATABASE_URL", url)
    usual = connections[ALIAS].settings_dict
    monkeypatch.setitem(connections.databases, ALIAS, usual | env.database("CERBERE_MELOTP_DATABASE_URL", ""))
    monkeypatch.setattr(connections._connections, ALIAS, connections.create_connection(ALIAS))


def let_go():
    connections[ALIAS].close()


def put(bnum, uid="camille.durand", secret=CAMILLE_SECRET, scheme="TOTP", locked=False, password=""):
    bnum.execute(
        "INSERT INTO courrier.dynalogin_user (userid, secret, scheme, locked, password) VALUES (%s, %s, %s, %s, %s)",
        [uid, secret, scheme, locked, password],
    )


def look_up(uid="camille.durand"):
    return DatabaseSource().look_up(uid)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({}, State.PRESENT), ({"uid": "sasha.petit"}, State.ABSENT), ({"locked": True}, State.LOCKED),
        ({"scheme": "HOTP"}, State.UNSUPPORTED), ({"password": "1234"}, State.UNSUPPORTED),
        ({"secret": None}, State.UNSUPPORTED), ({"secret": ""}, State.UNSUPPORTED),
        ({"secret": "é"}, State.UNSUPPORTED), ({"uid": "Camille.Durand"}, State.ABSENT),
        ({"secret": "abc123"}, State.PRESENT),
    ],
)  # fmt: skip
def test_e08_states_of_a_real_table(bnum, row, state):
    put(bnum, **row)
    assert look_up()[0] is state


@pytest.mark.parametrize(
    ("encoding", "secret", "seed"),
    [
        ("raw", CAMILLE_SECRET, CAMILLE_SECRET.encode()),
        ("base32", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", CAMILLE_SECRET.encode()),
        ("hex", "00ff" * 8, b"\x00\xff" * 8),
    ],
)
def test_the_declared_encoding_of_a_real_table(bnum, settings, encoding, secret, seed):
    settings.MELOTP_ENCODING = encoding
    put(bnum, secret=secret)
    assert look_up() == (State.PRESENT, seed)


def test_the_journey_needs_no_more_than_reading(bnum, browser):
    put(bnum)
    make_agent("camille.durand")
    browser.sign_in()
    browser.send_code(ADD, code())
    assert OtpMelDevice.objects.get().confirmed
    with pytest.raises(DatabaseError), connections[ALIAS].cursor() as cursor:
        cursor.execute("UPDATE courrier.dynalogin_user SET locked = true")


def test_f09_a_reader_without_the_right_any_more_makes_the_source_unavailable(bnum):
    bnum.execute(f"REVOKE SELECT ON courrier.dynalogin_user FROM {READER}")
    with pytest.raises(SourceUnavailable):
        look_up()
    bnum.execute(f"GRANT SELECT ON courrier.dynalogin_user TO {READER}")
    assert look_up() == (State.ABSENT, None)


def test_f09_a_connection_that_was_cut_makes_it_unavailable_then_it_recovers(bnum):
    put(bnum)
    assert look_up()[0] is State.PRESENT
    bnum.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}'")
    with pytest.raises(SourceUnavailable):
        look_up()
    close_old_connections()  # as before each request
    assert look_up()[0] is State.PRESENT


def test_f09_a_table_that_hangs_is_a_503_within_five_seconds(bnum, browser):
    put(bnum)
    make_agent("camille.durand")
    browser.sign_in()
    with bnum.transaction():
        bnum.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(*TABLE.split("."))))
        start = time.monotonic()
        answer = browser.get(ADD, expect_errors=True)
        assert time.monotonic() - start < 5
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, "60")
    assert not OtpMelDevice.objects.exists()


def test_f09_a_server_that_does_not_listen_is_unavailable_within_five_seconds(owner, settings, monkeypatch):
    settings.MELOTP_TABLE = TABLE
    reading_at(monkeypatch, f"postgresql://{READER}:{PASSWORD}@127.0.0.1:1/bnum")
    start = time.monotonic()
    with pytest.raises(SourceUnavailable):
        look_up()
    assert time.monotonic() - start < 5
    let_go()
