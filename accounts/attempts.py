"""How many passwords may be tried, counted before they are evaluated.

A try is reserved by one statement before the password is hashed: it locks the row, decides on what it finds there and
writes, so that parallel tries cannot outrun the limit. Each statement is a transaction: what many share is held for
that long only. A
stranger who fails on purpose only closes the account to browsers it does not know, for ACCOUNT.wait at a time; the
agent's own browser, known by a signed cookie, has its own counter.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Greatest

from accounts.models import Agent, Attempts, normalize_login
from accounts.queries import TAKE, TAKE_IN_WINDOW
from cerbere.core.batches import in_batches


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
BROWSERS = "browsers:"  # in the alphabet after the "browser:" that is counted with it, as "source:" is after all others
IPV6_PREFIX = 64  # bits: what one subscriber gets


ONE_LESS = Greatest(F("failures") - 1, 0)


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
    """Count one try under both keys, the source's first. Return the end of the wait when it must not be evaluated.

    What the source refuses is not counted for the account.
    """
    return (source and _take(source, _limit_of(source), now)) or _take(account, ACCOUNT, now)


def record_success(account: str, source: str | None) -> None:
    """Forget the failures of an account whose reserved try was right, and give the source its try back.

    A wait that other tries from the same source have begun stays.
    """
    Attempts.objects.filter(key=account).update(failures=0, locked_until=None)
    if source:
        begun_by_others = When(failures__gt=_limit_of(source).free, then=F("locked_until"))
        Attempts.objects.filter(key=source).update(failures=ONE_LESS, locked_until=Case(begun_by_others))


def give_back(account: str, source: str | None) -> None:
    """Undo a reserved try that was never evaluated, with the wait that it began: tries are reserved outside waits."""
    keys = list(filter(None, (source, account)))
    for key in keys:
        Attempts.objects.filter(key=key).update(failures=ONE_LESS, locked_until=None)


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


def _take(key: str, limit: Limit, now: datetime) -> datetime | None:
    """Count one try, unless a wait is running: then return its end."""
    since = now - limit.memory
    values: list[Any] = [key, now, now, since, since, since, limit.free, now + limit.wait]
    while not _execute(TAKE_IN_WINDOW if limit.is_window else TAKE, values):
        row = Attempts.objects.filter(key=key).first()
        if row and row.locked_until and now < row.locked_until:
            return row.locked_until
        # unlocked between the two statements: the try is free after all
    return None


def _execute(sql: str, values: list[Any]) -> int:
    """Send one of these two statements; return how many rows it wrote."""
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(sql, [adapt(value) if isinstance(value, datetime) else value for value in values])
        return int(cursor.rowcount)
