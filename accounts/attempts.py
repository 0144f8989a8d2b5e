"""How many passwords may be tried, counted before they are evaluated.

A try is reserved under a row lock before the password is hashed, so that parallel tries cannot outrun the
limit. A stranger who fails on purpose only closes the account to browsers it does not know, for
ACCOUNT.wait at a time; the agent's own browser, known by a signed cookie, has its own counter.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.models import Agent, Attempts, normalize_login
from cerbere.statements import ReadOne, change


@dataclass(frozen=True)
class Limit:
    free: int  # tries before the wait
    wait: timedelta
    memory: timedelta  # all failures are forgotten that long after the last one, or after the first if `is_window`
    is_window: bool = False  # for what many people share: a steady trickle of typing errors must not add up


ACCOUNT = Limit(free=7, wait=timedelta(minutes=10), memory=timedelta(hours=12))  # the Mél's own rule
SOURCE = Limit(100, timedelta(minutes=10), timedelta(minutes=10), is_window=True)  # a site behind one address
KNOWN = Limit(free=21, wait=timedelta(minutes=10), memory=timedelta(hours=12))  # three browsers of one agent
CLIENT = Limit(30, timedelta(minutes=1), timedelta(minutes=10), is_window=True)  # secrets that nobody guesses
LOCKED_BY_KEY = ReadOne(Attempts.objects.select_for_update, "key")
BROWSERS = "browsers:"
IPV6_PREFIX = 64  # bits: what one subscriber gets


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
    """Count one try under both keys. Returns the end of the wait when it must not be evaluated."""
    with transaction.atomic():
        return (source and _take(source, _limit_of(source), now)) or _take(account, ACCOUNT, now)


def succeeded(account: str, source: str | None) -> None:
    """The reserved try was right: the account starts afresh, the source gets its try back."""
    with transaction.atomic():
        if source:
            _give_back(Attempts.objects.select_for_update().get(key=source), _limit_of(source))
        Attempts.objects.filter(key=account).update(failures=0, locked_until=None)


def give_back(account: str, source: str | None) -> None:
    """The reserved try was never evaluated: nothing of it stays, the wait that it began included."""
    with transaction.atomic():
        for key in filter(None, (source, account)):  # in the order of `reserve`: two never wait for each other
            row = Attempts.objects.select_for_update().get(key=key)
            row.failures, row.locked_until = max(row.failures - 1, 0), None  # a try is reserved outside waits only
            row.save()


def count_client_failure(address: str | None, now: datetime) -> datetime | None:
    """One more application that did not prove who it is; the end of the wait once there were too many."""
    with transaction.atomic():
        return _take(f"client:{network_of(address)}", CLIENT, now)


def unlock(agent: Agent) -> int:
    """Forget every failure counted against this agent. Returns the number of counters that it had."""
    mine = Q(key__in=[f"account:{agent.uuid}", f"{BROWSERS}{agent.uuid}"]) | Q(key__startswith=f"browser:{agent.uuid}:")
    return Attempts.objects.filter(mine, failures__gt=0).update(failures=0, locked_until=None)


def _take(key: str, limit: Limit, now: datetime) -> datetime | None:
    row = _locked(key, now)
    if row.locked_until and now < row.locked_until:
        return row.locked_until
    if now - (row.since if limit.is_window else row.updated_at) >= limit.memory:
        row.failures, row.since = 0, now
    row.failures, row.updated_at = row.failures + 1, now
    row.locked_until = now + limit.wait if row.failures >= limit.free else None
    change(
        Attempts, key, failures=row.failures, since=row.since, updated_at=row.updated_at, locked_until=row.locked_until
    )
    return None


def _locked(key: str, now: datetime) -> Attempts:
    """The row of this key under its lock, made when it is the first try: then two may make it, and one waits."""
    known = LOCKED_BY_KEY(key)
    if known is None:
        Attempts.objects.bulk_create([Attempts(key=key, since=now, updated_at=now)], ignore_conflicts=True)
        known = LOCKED_BY_KEY(key)
    assert known is not None
    return known


def _give_back(row: Attempts, limit: Limit) -> None:
    row.failures = max(row.failures - 1, 0)
    row.locked_until = row.locked_until if row.failures >= limit.free else None
    row.save()
