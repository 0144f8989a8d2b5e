"""The directory's part of signing in: find the entry, try its password there, take the person in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from accounts import attempts
from accounts.directory import Directory, DirectoryUnavailable, Entry, directory
from accounts.directory.link import link
from accounts.models import SHARED_MAILBOX_MARK, Agent, normalize_login
from accounts.refusals import Reason, Refused


def prove_by_directory(agent: Agent | None, typed: str, password: str, counted: str, now: datetime) -> Agent | Refused:
    """As accounts.sign_in.passwords.prove, for a login that Cerbère does not keep itself."""
    login = normalize_login(typed)
    if SHARED_MAILBOX_MARK in login:
        return Refused(Reason.SHARED_MAILBOX)
    asked = directory()
    found = _person(asked.search(login))
    if isinstance(found, Reason):
        return Refused(found)
    key = _key_of(found, agent, counted)
    wait_until = attempts.reserve(key, None, now) if key else None
    return Refused(Reason.TOO_MANY_TRIES, wait_until) if wait_until else _try(asked, found, password, key, now)


def _person(entries: list[Entry]) -> Entry | Reason:
    """The one person among these entries: a mailbox may share an address with somebody."""
    people = [entry for entry in entries if entry.is_person]
    if not people:
        return Reason.NOT_A_PERSON if entries else Reason.UNKNOWN
    if len(people) > 1:
        return Reason.AMBIGUOUS
    return people[0] if people[0].is_usable else Reason.UNUSABLE_ENTRY


def _key_of(entry: Entry, agent: Agent | None, counted: str) -> str | None:
    """Where this try is to be counted too: who we find may not be who we knew by that name, if anybody.

    Otherwise each name of a person whom we have never seen, or who was renamed, would have tries of its own.
    """
    known = Agent.objects.filter(directory_id=entry.directory_id).first()
    if known and known == agent:
        return None
    key = attempts.account_key(entry.uid, known, None)
    return None if key == counted else key


def _try(asked: Directory, entry: Entry, password: str, key: str | None, now: datetime) -> Agent | Refused:
    with _given_back_when_down(key):
        right = asked.proves(entry, password)
    if not right:
        return Refused(Reason.WRONG_PASSWORD)
    if key:
        attempts.record_success(key, None)
    if entry.must_change_password:
        return Refused(Reason.PASSWORD_TO_CHANGE)
    taken_in = link(entry, now)
    if isinstance(taken_in, Reason):
        return Refused(taken_in)
    return taken_in if taken_in.may_sign_in else Refused(Reason.INACTIVE)


@contextmanager
def _given_back_when_down(key: str | None) -> Iterator[None]:
    try:
        yield
    except DirectoryUnavailable:
        if key:
            attempts.give_back(key, None)
        raise
