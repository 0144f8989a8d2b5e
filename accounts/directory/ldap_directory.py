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

from accounts.directory.entries import DirectoryUnavailable, Entry, parse_attribute_names, read_entry
from cerbere.core.deadlines import run_within

T = TypeVar("T")
STEP_TIMEOUT = 1.5  # seconds to connect, then for each answer that an agent waits for
DEADLINE = 2.0  # seconds for a search or a bind, name resolution included: two of them end within 5
BATCH_TIMEOUT, BATCH_DEADLINE = 15.0, 20.0  # seconds, for requests that no agent waits for
MAXIMUM_REQUESTS = 2  # under way in one process: while a directory hangs, threads are left to agents with a session
WAIT_FOR_SLOT = 0.5  # seconds
TLS_1_2 = 0x303
# The codes by which servers refuse a bind that is wrong, or that this entry may not do: an answer, not a fault.
REFUSALS = (
    ldap.INVALID_CREDENTIALS, ldap.INAPPROPRIATE_AUTH, ldap.UNWILLING_TO_PERFORM, ldap.CONSTRAINT_VIOLATION,
    ldap.INSUFFICIENT_ACCESS,
)  # fmt: skip
log = structlog.get_logger("accounts.directory")
slots = BoundedSemaphore(MAXIMUM_REQUESTS)
logging.getLogger("django_auth_ldap").setLevel(logging.CRITICAL)  # its lines quote typed text, maybe a password


class LdapDirectory:
    """A Directory (accounts.directory.entries). Every request has a connection of its own."""

    def __init__(self) -> None:
        self.names = parse_attribute_names(settings.LDAP_ATTRIBUTES)

    def search(self, login: str) -> list[Entry]:
        terms = "".join(f"({name}=%(login)s)" for name in (*self.names["uid"], *self.names["email"]))
        return ask_directory(DEADLINE, lambda: self._search(f"(|{terms})", {"login": login}, STEP_TIMEOUT))

    def find_by_ids(self, directory_ids: Iterable[str]) -> list[Entry]:
        ids = {f"id{number}": value for number, value in enumerate(directory_ids)}
        if not ids:
            return []
        terms = "".join(f"({name}=%({key})s)" for key in ids for name in self.names["directory_id"])
        return ask_directory(BATCH_DEADLINE, lambda: self._search(f"(|{terms})", ids, BATCH_TIMEOUT))

    def check_password(self, entry: Entry, password: str) -> bool:
        if not password:
            return False  # RFC 4513 §5.1.2: a bind without a password succeeds, anonymously
        return ask_directory(DEADLINE, lambda: _can_bind(entry.dn, password))

    def _search(self, pattern: str, values: dict[str, str], timeout: float) -> list[Entry]:
        wanted = sorted({name for names in self.names.values() for name in names})
        search = LDAPSearch(settings.LDAP_BASE, ldap.SCOPE_SUBTREE, pattern, wanted)
        connection = _connect(settings.AUTH_LDAP_BIND_DN, settings.AUTH_LDAP_BIND_PASSWORD, timeout)
        return [read_entry(dn, attributes, self.names) for dn, attributes in search.execute(connection, values)]


def _can_bind(dn: str, password: str) -> bool:
    try:
        _connect(dn, password, STEP_TIMEOUT)
    except REFUSALS:
        return False
    return True


def _connect(dn: str, password: str, timeout: float) -> Any:
    """Return a connection bound as this entry, which waits `timeout` seconds for each answer. Raises ldap.LDAPError."""
    connection = ldap.initialize(settings.AUTH_LDAP_SERVER_URI)
    for option, value in _make_options(timeout).items():
        connection.set_option(option, value)
    if settings.AUTH_LDAP_START_TLS:
        connection.start_tls_s()
    connection.simple_bind_s(dn, password)
    return connection


def _make_options(timeout: float) -> dict[int, Any]:
    authority = {ldap.OPT_X_TLS_CACERTFILE: settings.LDAP_CA_FILE} if settings.LDAP_CA_FILE else {}
    return {
        ldap.OPT_REFERRALS: 0,  # they would take the service's password to another server
        ldap.OPT_NETWORK_TIMEOUT: STEP_TIMEOUT,
        ldap.OPT_TIMEOUT: timeout,
        **authority,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
        ldap.OPT_X_TLS_PROTOCOL_MIN: TLS_1_2,
        ldap.OPT_X_TLS_NEWCTX: 0,  # last: it applies the TLS options above
    }


def ask_directory(deadline: float, request: Callable[[], T]) -> T:
    """Return what `request` returns. Raises DirectoryUnavailable.

    A thread that is left behind keeps its slot until it ends, so that such threads cannot add up.
    """
    if not slots.acquire(timeout=WAIT_FOR_SLOT):
        raise _log_unavailable("too_many_at_once")
    try:
        return run_within(deadline, lambda: _run_in_slot(request))
    except TimeoutError:
        raise _log_unavailable("too_slow") from None


def _run_in_slot(request: Callable[[], T]) -> T:
    try:
        return request()
    except ldap.LDAPError as error:
        fault = type(error).__name__
    finally:
        slots.release()
    # Raised outside of `except`: a text of libldap may quote an entry, and its traceback keeps the connection open.
    raise _log_unavailable(fault)


def _log_unavailable(reason: str) -> DirectoryUnavailable:
    log.error("directory_unavailable", error=reason)
    return DirectoryUnavailable(reason)
