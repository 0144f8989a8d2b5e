"""What the directory says of a person, in our own words, and how each word is called there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Field

from accounts.models import PEOPLE, Agent, normalize_login, validate_uid

Names = Mapping[str, tuple[str, ...]]
NAMES: Names = {  # the Mél's; of several names the first that has a value counts
    "directory_id": ("uniqueidentifier",),
    "uid": ("uid",),
    "email": ("mailpr", "mail"),
    "given_name": ("givenname",),
    "family_name": ("sn",),
    "organizational_unit": ("departmentnumber",),
    "phone_number": ("telephonenumber",),
    "siret": ("siret",),
    "mailbox": ("mineqtypeentree",),
    "must_change_password": ("mineqpassworddoitchanger",),
    "security": ("mineqinfosec",),
}
NO = {"", "0", "false"}  # of mineqpassworddoitchanger, in lower case; anything else asks for a change
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z", re.ASCII)
SIRET = re.compile(r"[0-9]{14}\Z", re.ASCII)


class DirectoryUnavailable(Exception):
    """The directory does not answer, or not as it should: nothing is known, nothing may be concluded."""


@dataclass(frozen=True)
class Entry:
    """One entry. `directory_id` and `uid` are in their normal form, `uid` perhaps not one that we can take."""

    dn: str
    directory_id: str
    uid: str
    email: str | None
    given_name: str
    family_name: str
    organizational_unit: str
    phone_number: str
    siret: str
    mailbox: str
    must_change_password: bool
    security: tuple[str, ...]

    @property
    def is_person(self) -> bool:
        return self.mailbox in PEOPLE

    @property
    def is_usable(self) -> bool:
        """Whether it names somebody for ever, and by a uid that agents may have."""
        try:
            validate_uid(self.uid)
        except ValidationError:
            return False
        return 0 < len(self.directory_id) <= _longest("directory_id") and 0 < len(self.uid) <= _longest("uid")


class Directory(Protocol):
    """Each method raises DirectoryUnavailable, and never takes "down" for "no"."""

    def search(self, login: str) -> list[Entry]:
        """The entries whose uid or e-mail this is, people or not. `login` is in its normal form."""

    def proves(self, entry: Entry, password: str) -> bool:
        """Whether this is the password of this entry. An empty one proves nothing."""

    def entries_of(self, directory_ids: Iterable[str]) -> list[Entry]:
        """The entries with these ids, in any order; what is not there is left out."""


def names_of(text: str) -> Names:
    """NAMES, with what `field=attribute[,attribute] …` says otherwise. Raises ValueError."""
    given = dict(_named(word) for word in text.split())
    return {**NAMES, **given}


def _named(word: str) -> tuple[str, tuple[str, ...]]:
    field, _, attributes = word.partition("=")
    names = tuple(attributes.split(","))
    if field not in NAMES or not all(map(ATTRIBUTE.match, names)):
        raise ValueError(word)
    return field, names


def read(dn: str, attributes: Mapping[str, list[Any]], names: Names) -> Entry:
    """An entry as the directory gave it. What is missing, or is not text, is empty."""

    def values(field: str) -> list[str]:
        return next(filter(None, (_texts(attributes.get(name, [])) for name in names[field])), [])

    def first(field: str) -> str:
        return (values(field) or [""])[0]

    plain = {name: first(name)[: _longest(name)] for name in ("given_name", "family_name", "organizational_unit")}
    return Entry(
        dn=dn,
        directory_id=normalize_login(first("directory_id")),
        uid=normalize_login(first("uid")),
        email=_email(first("email")),
        phone_number=first("phone_number")[: _longest("phone_number")],
        siret=first("siret") if SIRET.match(first("siret")) else "",
        mailbox=first("mailbox").upper(),
        must_change_password=first("must_change_password").lower() not in NO,
        security=tuple(values("security")),
        **plain,
    )


def _texts(values: Iterable[Any]) -> list[str]:
    return [text for value in values if isinstance(value, str) and (text := value.strip())]


def _email(text: str) -> str | None:
    """None for what is not an address, or is too long to be kept."""
    address = normalize_login(text)
    try:
        validate_email(address)
    except ValidationError:
        return None
    return address if len(address) <= _longest("email") else None


def _longest(field: str) -> int:
    """Characters that the agent's column holds."""
    column = Agent._meta.get_field(field)
    assert isinstance(column, Field)
    return column.max_length or 0
