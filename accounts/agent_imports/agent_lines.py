"""Read agents from CSV: the columns that a file may have, and the values that one line gives to one agent."""

from collections.abc import Iterator
from enum import StrEnum

from accounts.models import SHARED_MAILBOX_MARK, normalize_login
from cerbere.core.imports.lines import (
    ReadsLines,
    Unreadable,
    detect_delimiter,
    has_control_characters,
    read_lines,
    split_cells,
)

COLUMNS = {  # as docs/imports.md lists them: each field with its other names
    "uid": ("identifiant",),
    "email": ("mail", "courriel", "adresse électronique", "adresse_electronique"),
    "given_name": ("prénom", "prenom", "givenname"),
    "family_name": ("nom", "sn"),
    "usual_name": ("nom d’usage", "nom d'usage", "nom_usage"),
    "organizational_unit": ("service", "unité", "unite", "departmentnumber"),
    "siret": (),
    "phone_number": ("téléphone", "telephone"),
    "mailbox": ("boîte", "boite", "mineqtypeentree"),
    "directory_id": ("uniqueidentifier", "identifiant_annuaire"),
}
FIELDS = {name: field for field, others in COLUMNS.items() for name in (field, *others)}
PASSWORDS = ("password", "passwd", "mot_de_passe", "mot de passe", "mdp", "userpassword")
SIRET_LENGTH = 14  # digits


class Refusal(StrEnum):
    """The reasons for which a line gives no agent."""

    LINE = "unreadable_line"
    CELLS = "wrong_number_of_cells"
    CONTROLS = "control_characters"
    UID = "bad_uid"
    SHARED_MAILBOX = "shared_mailbox"
    EMAIL = "bad_email"
    SIRET = "bad_siret"
    MAILBOX = "bad_mailbox"
    NOT_A_PERSON = "not_a_person"
    MISSING = "missing_value"
    TOO_LONG = "too_long"
    UID_TAKEN = "uid_taken"
    EMAIL_TAKEN = "email_taken"
    OTHER_DIRECTORY_ID = "other_directory_id"
    SUPERUSER = "superuser"
    DUPLICATE = "duplicate"


class BadHeader(Exception):
    """The first line does not name columns that can be read: nothing of the file is read."""


Row = dict[str, str]


def read_rows(file: ReadsLines) -> Iterator[tuple[int, Row | Refusal]]:
    """Yield line number, and field → value in its normal form. Raises BadHeader, UnicodeDecodeError."""
    numbered = read_lines(file)
    _, first = next(numbered, (0, None))
    header, delimiter = _parse_header(first)
    for number, line in numbered:
        yield number, _parse_row(line, header, delimiter)


def _parse_header(line: str | None) -> tuple[list[str], str]:
    """Return the field of each column, and the delimiter. Raises BadHeader."""
    if line is None:
        raise BadHeader("the first line must name the columns")
    delimiter = detect_delimiter(line)
    try:
        names = [name.casefold() for name in split_cells(line, delimiter)]
    except Unreadable as error:
        raise BadHeader("the first line is not CSV") from error
    if set(names) & set(PASSWORDS):
        raise BadHeader("a file of agents holds no password: remove the column")
    fields = [FIELDS.get(name, "") for name in names]
    if not all(fields) or len(set(fields)) < len(fields) or "uid" not in fields:
        raise BadHeader("the first line must name uid, each column once, and none but those of docs/imports.md")
    return fields, delimiter


def _parse_row(line: str | None, header: list[str], delimiter: str) -> Row | Refusal:
    if line is None:
        return Refusal.LINE
    if has_control_characters(line.strip()):
        return Refusal.CONTROLS
    try:
        values = split_cells(line, delimiter)
    except Unreadable:
        return Refusal.LINE
    if len(values) != len(header):
        return Refusal.CELLS
    return _normalize(dict(zip(header, values, strict=True)))


def _normalize(row: Row) -> Row | Refusal:
    """Spell logins as the model does, and drop an empty mailbox or directory_id, which leaves the agent's own."""
    for name in ("uid", "email", "directory_id"):
        if name in row:
            row[name] = normalize_login(row[name])
    for name in ("mailbox", "directory_id"):
        if not row.get(name, "x"):
            del row[name]
    if SHARED_MAILBOX_MARK in row["uid"]:
        return Refusal.SHARED_MAILBOX
    if row.get("siret") and not is_siret(row["siret"]):
        return Refusal.SIRET
    return row


def is_siret(text: str) -> bool:
    """Return whether the text is fourteen ASCII digits, the last by Luhn's rule."""
    if len(text) != SIRET_LENGTH or not (text.isascii() and text.isdigit()):
        return False
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(text)]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
