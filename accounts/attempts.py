"""Limits on the number of passwords that may be tried; each try is counted before it is evaluated.

A try is reserved by one statement before the password is hashed. The statement locks the row, decides on the values
that it finds there and writes, so that parallel tries cannot exceed the limit. Each statement is a transaction of its
own, because many requests share a row: it is locked for one statement only. A stranger who fails on purpose closes the
account only to browsers that the agent has not used, for `ACCOUNT_LIMIT.wait` at a time; the agent's own browser, known
by a signed cookie, has its own counter.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Greatest

from accounts.models import Agent, Attempts, normalize_login
from accounts.queries import COUNT_TRY, COUNT_TRY_IN_WINDOW
from cerbere.core.batches import in_batches
from cerbere.core.rows import execute_write


@dataclass(frozen=True)
class Limit:
    """A number of tries, and the wait that follows them."""

    free_tries: int  # before the wait; at least two
    wait: timedelta
    memory: timedelta  # failures are forgotten this long after the last one, or after the first one if `is_window`
    is_window: bool = False  # for counters that many people share: occasional typing errors must not add up


ACCOUNT_LIMIT = Limit(free_tries=7, wait=timedelta(minutes=10), memory=timedelta(hours=12))  # the Mél's own rule
SOURCE_LIMIT = Limit(100, timedelta(minutes=10), timedelta(minutes=10), is_window=True)  # an office behind one address
BROWSERS_LIMIT = Limit(21, timedelta(minutes=10), timedelta(hours=12))  # three browsers of one agent
CLIENT_LIMIT = Limit(30, timedelta(minutes=1), timedelta(minutes=10), is_window=True)  # client secrets are random
# Two keys of one try are counted in descending order, "source:" first: "browsers:" comes before "browser:".
BROWSERS_PREFIX = "browsers:"
IPV6_PREFIX = 64  # bits: the network that one subscriber gets
ONE_FAILURE_LESS = Greatest(F("failures") - 1, 0)


def make_account_key(login: str, agent: Agent | None, browser: str | None) -> str:
    """Return the key under which a try for this account is counted, the same for every spelling of the login.

    `browser` is the nonce of a browser that the agent has used, else None. Unknown logins are counted too, so that
    they behave like known ones.
    """
    if agent is None:
        local_part = normalize_login(login).partition("@")[0]  # uid and e-mail of an account share a counter too
        return f"login:{hashlib.sha256(local_part.encode()).hexdigest()}"
    return f"browser:{agent.uuid}:{browser}" if browser else f"account:{agent.uuid}"


def make_source_key(ip_address: str | None, browser: str | None = None, agent: Agent | None = None) -> str | None:
    """Return the key under which a try from this IP address is counted, None for a browser that the agent has used.

    The browser's own counter limits that one, whatever other people do at the same IP address. Where a directory keeps
    the password, a browser stays known after a change of password, so that a person who knew the old one may have
    made many: then the result is one key for all browsers of the agent.
    """
    if browser is None:
        return f"source:{get_network(ip_address)}"
    return f"{BROWSERS_PREFIX}{agent.uuid}" if agent and agent.directory_id else None


def _get_source_limit(source: str) -> Limit:
    return BROWSERS_LIMIT if source.startswith(BROWSERS_PREFIX) else SOURCE_LIMIT


def get_network(ip_address: str | None) -> str:
    """Return the /64 network of an IPv6 address, all of which one subscriber holds; an IPv4 address as it is."""
    if ip_address is None or ":" not in ip_address:
        return str(ip_address)
    return str(ipaddress.ip_network((ip_address, IPV6_PREFIX), strict=False))


def reserve_try(account: str, source: str | None, now: datetime) -> datetime | None:
    """Count one try under both keys, and return the end of the wait if the try must not be evaluated, else None.

    The source is counted first; a try that it refuses is not counted for the account.
    """
    return (source and _count_try(source, _get_source_limit(source), now)) or _count_try(account, ACCOUNT_LIMIT, now)


def record_success(account: str, source: str | None) -> None:
    """Forget the failures of an account whose reserved try was right, and take that try off the source's counter.

    A wait that other tries from the same source have begun stays.
    """
    Attempts.objects.filter(key=account).update(failures=0, locked_until=None)
    if source:
        begun_by_others = When(failures__gt=_get_source_limit(source).free_tries, then=F("locked_until"))
        Attempts.objects.filter(key=source).update(failures=ONE_FAILURE_LESS, locked_until=Case(begun_by_others))


def return_try(account: str, source: str | None) -> None:
    """Take back a reserved try that was not evaluated, and the wait that it began.

    The wait can only be this try's: no other try is reserved during a wait.
    """
    keys = list(filter(None, (source, account)))
    for key in keys:
        Attempts.objects.filter(key=key).update(failures=ONE_FAILURE_LESS, locked_until=None)


def count_client_failure(ip_address: str | None, now: datetime) -> datetime | None:
    """Count a failed authentication of an application. Return the end of the wait after too many, else None."""
    return _count_try(f"client:{get_network(ip_address)}", CLIENT_LIMIT, now)


def unlock(agent: Agent) -> int:
    """Forget every failure counted against this agent, and return the number of counters that held any."""
    mine = Q(key__in=[f"account:{agent.uuid}", f"{BROWSERS_PREFIX}{agent.uuid}"]) | Q(
        key__startswith=f"browser:{agent.uuid}:"
    )
    with transaction.atomic():  # locked in the order of `reserve_try`, against deadlocks
        locked = Attempts.objects.filter(mine, failures__gt=0).order_by("-key").select_for_update()
        return Attempts.objects.filter(key__in=[row.key for row in locked]).update(failures=0, locked_until=None)


def purge_before(limit: datetime) -> int:
    """Remove the counters unused since `limit`, and return their number.

    Locked rows are skipped, not waited for: a try that has locked one may be about to lock another.
    """
    return sum(map(_purge_batch, in_batches(Attempts.objects.filter(updated_at__lte=limit))))


def _purge_batch(batch: QuerySet[Attempts]) -> int:
    with transaction.atomic():
        free = list(batch.select_for_update(skip_locked=True).values_list("key", flat=True))
        return Attempts.objects.filter(key__in=free).delete()[0]


def _count_try(key: str, limit: Limit, now: datetime) -> datetime | None:
    """Count one try under this key, unless a wait is running: then return its end."""
    since = now - limit.memory
    values: list[Any] = [key, now, now, since, since, since, limit.free_tries, now + limit.wait]
    while not execute_write(COUNT_TRY_IN_WINDOW if limit.is_window else COUNT_TRY, values):
        row = Attempts.objects.filter(key=key).first()
        if row and row.locked_until and now < row.locked_until:
            return row.locked_until
        # The wait has ended, or was removed, between the two statements: the try can be counted after all.
    return None
