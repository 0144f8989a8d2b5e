"""One person's entry of the directory in our own words, and the attributes that hold each of them there."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Field

from accounts.models import PERSON_MAILBOXES, Agent, normalize_login, validate_uid

AttributeNames = Mapping[str, tuple[str, ...]]
ATTRIBUTE_NAMES: AttributeNames = {  # the Mél's; of several names the first that has a value counts
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
FALSE_VALUES = {"", "0", "false"}  # of mineqpassworddoitchanger, in lower case; anything else asks for a change
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z", re.ASCII)
SIRET = re.compile(r"[0-9]{14}\Z", re.ASCII)


class DirectoryUnavailable(Exception):
    """The directory does not answer, or not as it should: nothing is known, nothing may be concluded."""


@dataclass(frozen=True)
class Entry:
    """One entry. `directory_id` and `uid` are in their normal form, though `uid` may be one that agents cannot have."""

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
        return self.mailbox in PERSON_MAILBOXES

    @property
    def is_usable(self) -> bool:
        """Return whether the entry has a stable id, and a uid that agents may have."""
        try:
            validate_uid(self.uid)
        except ValidationError:
            return False
        return 0 < len(self.directory_id) <= _max_length("directory_id") and 0 < len(self.uid) <= _max_length("uid")


class Directory(Protocol):
    """Each method raises DirectoryUnavailable, and never takes "down" for "no"."""

    def search(self, login: str) -> list[Entry]:
        """Return the entries with this uid or e-mail, people or not. `login` is in its normal form."""

    def check_password(self, entry: Entry, password: str) -> bool:
        """Return whether this is the password of this entry. An empty one never is."""

    def find_by_ids(self, directory_ids: Iterable[str]) -> list[Entry]:
        """Return the entries with these ids, in any order; ids that are not there are left out."""


def parse_attribute_names(text: str) -> AttributeNames:
    """Return ATTRIBUTE_NAMES with the changes of `field=attribute[,attribute] …`. Raises ValueError."""
    changes = dict(_parse_attribute_word(word) for word in text.split())
    return {**ATTRIBUTE_NAMES, **changes}


def _parse_attribute_word(word: str) -> tuple[str, tuple[str, ...]]:
    field, _, attributes = word.partition("=")
    names = tuple(attributes.split(","))
    if field not in ATTRIBUTE_NAMES or not all(map(ATTRIBUTE.match, names)):
        raise ValueError(word)
    return field, names


def read_entry(dn: str, attributes: Mapping[str, list[Any]], names: AttributeNames) -> Entry:
    """Return the entry in these attributes. A value that is missing, or is not text, is empty."""

    def values(field: str) -> list[str]:
        return next(filter(None, (_keep_texts(attributes.get(name, [])) for name in names[field])), [])

    def first(field: str) -> str:
        return (values(field) or [""])[0]

    plain = {name: first(name)[: _max_length(name)] for name in ("given_name", "family_name", "organizational_unit")}
    return Entry(
        dn=dn,
        directory_id=normalize_login(first("directory_id")),
        uid=normalize_login(first("uid")),
        email=_clean_email(first("email")),
        phone_number=first("phone_number")[: _max_length("phone_number")],
        siret=first("siret") if SIRET.match(first("siret")) else "",
        mailbox=first("mailbox").upper(),
        must_change_password=first("must_change_password").lower() not in FALSE_VALUES,
        security=tuple(values("security")),
        **plain,
    )


def _keep_texts(values: Iterable[Any]) -> list[str]:
    return [text for value in values if isinstance(value, str) and (text := value.strip())]


def _clean_email(text: str) -> str | None:
    """Return the e-mail in its normal form; None for text that is not one, or is too long to be kept."""
    email = normalize_login(text)
    try:
        validate_email(email)
    except ValidationError:
        return None
    return email if len(email) <= _max_length("email") else None


def _max_length(field: str) -> int:
    """Return how many characters the agent's column holds."""
    column = Agent._meta.get_field(field)
    assert isinstance(column, Field)
    return column.max_length or 0
