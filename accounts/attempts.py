"""How many passwords may be tried, counted before they are evaluated.

A try is reserved by one statement before the password is hashed: it locks the row, decides on what it finds there and
writes, so that parallel tries cannot outrun the limit. Each statement is a transaction: what many share is held for
that long only. One that writes for two keys locks the source's row first, so that two never wait for each other. A
stranger who fails on purpose only closes the account to browsers it does not know, for ACCOUNT.wait at a time; the
agent's own browser, known by a signed cookie, has its own counter.
"""

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from accounts.models import Agent, Attempts, normalize_login
from cerbere.core.batches import in_batches
from cerbere.statements import ReadOne, Row
from cerbere.writes import write


@dataclass(frozen=True)
class Limit:
    free: int  # tries before the wait, more than one
    wait: timedelta
    memory: timedelta  # all failures are forgotten that long after the last one, or after the first if `is_window`
    is_window: bool = False  # for what many people share: a steady trickle of typing errors must not add up


ACCOUNT = Limit(free=7, wait=timedelta(minutes=10), memory=timedelta(hours=12))  # the Mél's own rule
SOURCE = Limit(100, timedelta(minutes=10), timedelta(minutes=10), is_window=True)  # a site behind one address
KNOWN = Limit(free=21, wait=timedelta(minutes=10), memory=timedelta(hours=12))  # three browsers of one agent
CLIENT = Limit(30, timedelta(minutes=1), timedelta(minutes=10), is_window=True)  # secrets that nobody guesses
ATTEMPTS_BY_KEY = ReadOne(Attempts.objects.all, "key")
BROWSERS = "browsers:"  # in the alphabet after the "browser:" that is counted with it, as "source:" is after all others
BOTH = 2  # rows
IPV6_PREFIX = 64  # bits: what one subscriber gets


def _take_sql(counted_from: str, row: str = "VALUES (%s, 1, NULL, %s, %s)") -> str:
    """One more failure, unless a wait is running: then nothing is written. Those before `memory` count no more."""
    return f"""
        INSERT INTO accounts_attempts AS known ("key", failures, locked_until, since, updated_at)
        {row}
        ON CONFLICT ("key") DO UPDATE SET
            failures = CASE WHEN known.{counted_from} > %s THEN known.failures + 1 ELSE 1 END,
            since = CASE WHEN known.{counted_from} > %s THEN known.since ELSE excluded.since END,
            updated_at = excluded.updated_at,
            locked_until = CASE WHEN known.{counted_from} > %s AND known.failures + 1 >= %s THEN %s END
        WHERE known.locked_until IS NULL OR known.locked_until <= excluded.updated_at"""


def _take_both_sql(source: str) -> str:
    """The account's only if the source's is written. As many rows as are written. SQLite has nothing like it."""
    account = _take_sql("updated_at", "SELECT %s, 1, NULL, %s, %s FROM source")
    return f"""
        WITH source AS ({source} RETURNING 1), account AS ({account} RETURNING 1)
        SELECT 1 FROM source UNION ALL SELECT 1 FROM account"""  # noqa: S608


TAKE = {True: _take_sql("since"), False: _take_sql("updated_at")}  # by `is_window`
TAKE_BOTH = {is_window: _take_both_sql(source) for is_window, source in TAKE.items()}  # by that of the source
SUCCEEDED = """
    UPDATE accounts_attempts SET
        failures = CASE WHEN "key" = %s OR failures = 0 THEN 0 ELSE failures - 1 END,
        locked_until = CASE WHEN "key" <> %s AND failures > %s THEN locked_until END
    WHERE "key" IN (SELECT "key" FROM accounts_attempts WHERE "key" IN (%s, %s) ORDER BY "key" DESC {lock})"""
GIVE_BACK = """
    UPDATE accounts_attempts SET
        failures = CASE WHEN failures = 0 THEN 0 ELSE failures - 1 END, locked_until = NULL
    WHERE "key" = %s"""


def account_key(login: str, agent: Agent | None, browser: str | None) -> str:
    """One key an account whatever the spelling; unknown logins are counted too, so that both look alike."""
    if agent is None:
        known_part = normalize_login(login).partition("@")[0]  # as uid and e-mail of an account share their counter
        return f"login:{hashlib.sha256(known_part.encode()).hexdigest()}"
    return f"browser:{agent.uuid}:{browser}" if browser else f"account:{agent.uuid}"


def source_key(address: str | None, browser: str | None = None, agent: Agent | None = None) -> str | None:
    """None for a browser that knows the agent: its own counter bounds it, whoever else fails from that address.

    Where a directory keeps the password a browser goes on being known after a change of it, so that whoever knew
    the old one may have made many: all those of an agent have one bound.
    """
    if browser is None:
        return f"source:{network_of(address)}"
    return f"{BROWSERS}{agent.uuid}" if agent and agent.directory_id else None


def _limit_of(source: str) -> Limit:
    return KNOWN if source.startswith(BROWSERS) else SOURCE


def network_of(address: str | None) -> str:
    """Who holds one address of an IPv6 /64 holds them all."""
    if address is None or ":" not in address:
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


def reserve(account: str, source: str | None, now: datetime) -> datetime | None:
    """Count one try under both keys. Returns the end of the wait when it must not be evaluated.

    What the source refuses is not counted for the account.
    """
    counted = _take_both(account, source, now) if source and connection.vendor == "postgresql" else 0
    if counted == BOTH:
        return None
    return (source and not counted and _take(source, _limit_of(source), now)) or _take(account, ACCOUNT, now)


def success(account: str, source: str | None) -> Row:
    """What to write when the reserved try was right: the account starts afresh, the source gets its try back.

    For `write`, or for the statement of what the password opens.
    """
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    free = _limit_of(source).free if source else 0
    return SUCCEEDED.format(lock=lock), account, account, free, account, source or account


def give_back(account: str, source: str | None) -> None:
    """The reserved try was never evaluated: nothing of it stays, the wait that it began included."""
    for key in filter(None, (source, account)):
        write(GIVE_BACK, key)  # a try is reserved outside waits only


def count_client_failure(address: str | None, now: datetime) -> datetime | None:
    """One more application that did not prove who it is; the end of the wait once there were too many."""
    return _take(f"client:{network_of(address)}", CLIENT, now)


def unlock(agent: Agent) -> int:
    """Forget every failure counted against this agent. Returns the number of counters that it had."""
    mine = Q(key__in=[f"account:{agent.uuid}", f"{BROWSERS}{agent.uuid}"]) | Q(key__startswith=f"browser:{agent.uuid}:")
    with transaction.atomic():  # in the order of `reserve`
        locked = Attempts.objects.filter(mine, failures__gt=0).order_by("-key").select_for_update()
        return Attempts.objects.filter(key__in=[row.key for row in locked]).update(failures=0, locked_until=None)


def purge_before(limit: datetime) -> int:
    """Remove counters that nobody has used since. It waits for none: a try may have one and ask for the next."""
    return sum(map(_purged, in_batches(Attempts.objects.filter(updated_at__lte=limit))))


def _purged(batch: QuerySet[Attempts]) -> int:
    with transaction.atomic():
        free = list(batch.select_for_update(skip_locked=True).values_list("key", flat=True))
        return Attempts.objects.filter(key__in=free).delete()[0]


def _take_both(account: str, source: str, now: datetime) -> int:
    limit = _limit_of(source)
    return write(TAKE_BOTH[limit.is_window], *_values(source, limit, now), *_values(account, ACCOUNT, now))


def _values(key: str, limit: Limit, now: datetime) -> Iterable[str | int | datetime]:
    since = now - limit.memory
    return key, now, now, since, since, since, limit.free, now + limit.wait


def _take(key: str, limit: Limit, now: datetime) -> datetime | None:
    while not write(TAKE[limit.is_window], *_values(key, limit, now)):
        row = ATTEMPTS_BY_KEY(key)
        if row and row.locked_until and now < row.locked_until:
            return row.locked_until
        # unlocked between the two statements: the try is free after all
    return None
