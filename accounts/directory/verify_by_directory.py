"""The directory's part of signing in: find the entry, check its password there, link the person to an agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from accounts import attempts
from accounts.directory import Directory, DirectoryUnavailable, Entry, get_directory
from accounts.directory.link_agent import link_agent
from accounts.models import SHARED_MAILBOX_MARK, Agent, normalize_login
from accounts.refusals import PasswordRefusal, Reason


def verify_by_directory(
    agent: Agent | None, typed: str, password: str, counted_key: str, now: datetime
) -> Agent | PasswordRefusal:
    """Return the agent whose password in the directory this is, or why it is refused. Raises DirectoryUnavailable.

    `agent` is the one known by the typed login, if any, and `counted_key` the key under which the try is reserved.
    """
    login = normalize_login(typed)
    if SHARED_MAILBOX_MARK in login:
        return PasswordRefusal(Reason.SHARED_MAILBOX)
    directory = get_directory()
    person = _find_person(directory.search(login))
    if isinstance(person, Reason):
        return PasswordRefusal(person)
    key = _find_second_key(person, agent, counted_key)
    wait_until = attempts.reserve_try(key, None, now) if key else None
    if wait_until:
        return PasswordRefusal(Reason.TOO_MANY_TRIES, wait_until)
    return _check_password(directory, person, password, key, now)


def _find_person(entries: list[Entry]) -> Entry | Reason:
    """Return the one person among these entries: a mailbox may share an e-mail address with a person."""
    people = [entry for entry in entries if entry.is_person]
    if not people:
        return Reason.NOT_A_PERSON if entries else Reason.UNKNOWN
    if len(people) > 1:
        return Reason.AMBIGUOUS
    return people[0] if people[0].is_usable else Reason.UNUSABLE_ENTRY


def _find_second_key(entry: Entry, agent: Agent | None, counted_key: str) -> str | None:
    """Return the key under which this try is to be counted too; None when it is counted there already.

    The person of the entry may not be the agent known by the typed login, if there is one. Without a second key, each
    name of a person who has no agent yet, or who was renamed, would have tries of its own.
    """
    known = Agent.objects.filter(directory_id=entry.directory_id).first()
    if known and known == agent:
        return None
    key = attempts.make_account_key(entry.uid, known, None)
    return None if key == counted_key else key


def _check_password(
    directory: Directory, entry: Entry, password: str, key: str | None, now: datetime
) -> Agent | PasswordRefusal:
    with _return_try_when_unavailable(key):
        is_right = directory.check_password(entry, password)
    if not is_right:
        return PasswordRefusal(Reason.WRONG_PASSWORD)
    if key:
        attempts.record_success(key, None)
    if entry.must_change_password:
        return PasswordRefusal(Reason.PASSWORD_TO_CHANGE)
    agent = link_agent(entry, now)
    if isinstance(agent, Reason):
        return PasswordRefusal(agent)
    return agent if agent.can_sign_in else PasswordRefusal(Reason.INACTIVE)


@contextmanager
def _return_try_when_unavailable(key: str | None) -> Iterator[None]:
    """Give the try counted under this key back when the block raises DirectoryUnavailable."""
    try:
        yield
    except DirectoryUnavailable:
        if key:
            attempts.return_try(key, None)
        raise
