"""The directory by LDAP: python-ldap's connections and django-auth-ldap's searches, bounded in time.

TLS is checked always: the certificate's authority, its name and its dates.
"""

import logging
from collections.abc import Callable, Iterable
from threading import BoundedSemaphore
from typing import Any, TypeVar

import ldap
import structlog
from django.conf import settings
from django_auth_ldap.config import LDAPSearch

from accounts.directory.entries import DirectoryUnavailable, Entry, names_of, read
from cerbere.core.deadlines import run_within

T = TypeVar("T")
STEP_TIMEOUT = 1.5  # seconds to connect, then for each answer that an agent waits for
DEADLINE = 2.0  # seconds for a search or a bind, name resolution included: two of them end within 5
BATCH_TIMEOUT, BATCH_DEADLINE = 15.0, 20.0  # seconds, for what no agent waits for
AT_ONCE = 2  # requests under way in one process: a directory that hangs leaves threads to agents who have a session
WAIT_FOR_TURN = 0.5  # seconds
TLS_1_2 = 0x303
# What servers answer to a bind that is not right, or that this entry may not do: an answer, not a fault.
REFUSED = (
    ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.UNWILLING_TO_PERFORM, ldap.CONSTRAINT_VIOLATION,
    ldap.INSUFFICIENT_ACCESS,
)  # fmt: skip
log = structlog.get_logger("accounts.directory")
turns = BoundedSemaphore(AT_ONCE)
logging.getLogger("django_auth_ldap").setLevel(logging.CRITICAL)  # its lines quote what was typed: maybe a password


class LdapDirectory:
    """A Directory (accounts.directory.entries). Every request has a connection of its own."""

    def __init__(self) -> None:
        self.names = names_of(settings.LDAP_ATTRIBUTES)

    def search(self, login: str) -> list[Entry]:
        terms = "".join(f"({name}=%(login)s)" for name in (*self.names["uid"], *self.names["email"]))
        return _within(DEADLINE, lambda: self._search(f"(|{terms})", {"login": login}, STEP_TIMEOUT))

    def entries_of(self, directory_ids: Iterable[str]) -> list[Entry]:
        ids = {f"id{number}": value for number, value in enumerate(directory_ids)}
        if not ids:
            return []
        terms = "".join(f"({name}=%({key})s)" for key in ids for name in self.names["directory_id"])
        return _within(BATCH_DEADLINE, lambda: self._search(f"(|{terms})", ids, BATCH_TIMEOUT))

    def proves(self, entry: Entry, password: str) -> bool:
        if not password:
            return False  # RFC 4513 §5.1.2: a bind without a password succeeds, as nobody
        return _within(DEADLINE, lambda: _binds(entry.dn, password))

    def _search(self, pattern: str, values: dict[str, str], timeout: float) -> list[Entry]:
        wanted = sorted({name for names in self.names.values() for name in names})
        search = LDAPSearch(settings.LDAP_BASE, ldap.SCOPE_SUBTREE, pattern, wanted)
        service = _connection(settings.AUTH_LDAP_BIND_DN, settings.AUTH_LDAP_BIND_PASSWORD, timeout)
        return [read(dn, attributes, self.names) for dn, attributes in search.execute(service, values)]


def _binds(dn: str, password: str) -> bool:
    try:
        _connection(dn, password, STEP_TIMEOUT)
    except REFUSED:
        return False
    return True


def _connection(dn: str, password: str, timeout: float) -> Any:
    """Bound as this entry; each answer is waited for `timeout` seconds. Raises ldap.LDAPError."""
    connection = ldap.initialize(settings.AUTH_LDAP_SERVER_URI)
    for option, value in _options(timeout).items():
        connection.set_option(option, value)
    if settings.AUTH_LDAP_START_TLS:
        connection.start_tls_s()
    connection.simple_bind_s(dn, password)
    return connection


def _options(timeout: float) -> dict[int, Any]:
    authority = {ldap.OPT_X_TLS_CACERTFILE: settings.LDAP_CA_FILE} if settings.LDAP_CA_FILE else {}
    return {
        ldap.OPT_REFERRALS: 0,  # they would lead the service's password to another server
        ldap.OPT_NETWORK_TIMEOUT: STEP_TIMEOUT,
        ldap.OPT_TIMEOUT: timeout,
        **authority,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
        ldap.OPT_X_TLS_PROTOCOL_MIN: TLS_1_2,
        ldap.OPT_X_TLS_NEWCTX: 0,  # last: it makes what the lines above say true
    }


def _within(deadline: float, act: Callable[[], T]) -> T:
    """What `act` returns. Raises DirectoryUnavailable.

    A thread that is left behind keeps its turn until it ends, so that such threads cannot add up.
    """
    if not turns.acquire(timeout=WAIT_FOR_TURN):
        raise _unavailable("too_many_at_once")
    try:
        return run_within(deadline, lambda: _take_turn(act))
    except TimeoutError:
        raise _unavailable("too_slow") from None


def _take_turn(act: Callable[[], T]) -> T:
    try:
        return act()
    except ldap.LDAPError as error:
        fault = type(error).__name__
    finally:
        turns.release()
    # Raised outside of `except`: a text of libldap may quote an entry, and its traceback keeps the connection open.
    raise _unavailable(fault)


def _unavailable(why: str) -> DirectoryUnavailable:
    log.error("directory_unavailable", error=why)
    return DirectoryUnavailable(why)
