"""Behind PgBouncer, where processes share the server's connections."""

import pytest
from django.db import OperationalError, connection
from django.db.utils import load_backend

from cerbere import env
from tests.support.servers.pgbouncer import running_pgbouncer

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def connect(monkeypatch, url, pooler, alias="process"):
    """Connect as one process does, by the settings that an operator gives."""
    monkeypatch.setenv("CERBERE_DATABASE_URL", url)
    settings = connection.settings_dict | env.database("CERBERE_DATABASE_URL", "", pooler)
    return load_backend(settings["ENGINE"]).DatabaseWrapper(settings, alias)


def ask(process, sql, *values):
    with process.cursor() as cursor:
        return cursor.execute(sql, values).fetchone()[0]


def alter_role(change):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER {change}")


@pytest.fixture
def role_with_time_out():
    alter_role("SET statement_timeout = '4s'")
    yield
    alter_role("RESET statement_timeout")


@pytest.fixture(params=["session", "transaction"])
def pool(request, tmp_path, role_with_time_out):
    size = {"session": 2, "transaction": 1}[request.param]  # in a transaction's mode both share one
    with running_pgbouncer(tmp_path, connection.settings_dict, request.param, size) as url:
        yield url


def test_two_processes_get_the_answers_to_their_own_statements(pool, monkeypatch):
    one, two = (connect(monkeypatch, pool, True, alias) for alias in ("one", "two"))
    try:
        for number in range(10):  # more often than psycopg sends a statement before it prepares it
            assert ask(one, "SELECT %s::int", number) == number
            assert ask(two, "SELECT %s::text || '!'", str(number)) == f"{number}!"
    finally:
        one.close()
        two.close()


def test_the_time_outs_are_the_roles(pool, monkeypatch):
    process = connect(monkeypatch, pool, True)
    try:
        assert ask(process, "SHOW statement_timeout") == "4s"
    finally:
        process.close()


def test_without_the_setting_the_pooler_refuses_and_says_why(pool, monkeypatch):
    process = connect(monkeypatch, pool, False)
    with pytest.raises(OperationalError, match="unsupported startup parameter"):
        ask(process, "SELECT 1")
