"""Register clients from a reviewed file: plan the changes, then apply all of them or none."""

import tomllib
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.clients.models import CLIENT_FIELDS, Client
from twofactor.strength import Strength

MINIMUM = {"eidas1": Strength.PASSWORD, "eidas2": Strength.TWO_FACTOR}
FIELDS = [name for name in CLIENT_FIELDS if name != "client_id"]


class FileError(ValueError):
    """A file that is not TOML, names an unknown field, or describes an invalid client."""


@dataclass(frozen=True)
class Change:
    """A client with the values of the file; `before` has the old value of each field that changes."""

    client: Client
    is_new: bool
    before: dict[str, Any]

    def format_lines(self) -> list[str]:
        name = self.client.client_id
        if self.is_new:
            return [f"+ {name}", *(f"    {key}: {getattr(self.client, key)!r}" for key in FIELDS)]
        if not self.before:
            return [f"= {name}"]
        changed = sorted(self.before.items())
        return [f"~ {name}", *(f"    {key}: {old!r} -> {getattr(self.client, key)!r}" for key, old in changed)]


def plan_changes(content: bytes) -> list[Change]:
    """Return the changes that the file asks for, without writing. Raises FileError with one line for each fault."""
    try:
        clients = tomllib.loads(content.decode()).get("clients", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"not TOML: {error}") from error
    if not isinstance(clients, dict) or not all(isinstance(wanted, dict) for wanted in clients.values()):
        raise FileError("expected [clients.ID] tables")
    changes, faults = [], []
    for client_id, wanted in clients.items():
        try:
            changes.append(_plan_change(client_id, wanted))
        except FileError as error:
            faults.append(f"{client_id}: {error}")
    if faults:
        raise FileError("\n".join(faults))
    return changes


def _plan_change(client_id: str, wanted: dict[str, Any]) -> Change:
    """Return the change of one client; a field that the file does not name gets its default."""
    client = Client.objects.filter(client_id=client_id).first()
    is_new = client is None
    client = client or Client(client_id=client_id)
    target = _read_values(client_id, wanted)
    before = {name: getattr(client, name) for name, value in target.items() if getattr(client, name) != value}
    for name, value in target.items():
        setattr(client, name, value)
    _validate_client(client)
    return Change(client, is_new, {} if is_new else before)


def plan_new_client(client_id: str, wanted: dict[str, Any]) -> Change:
    """Return a new client with these values, named as in the file. Raises FileError."""
    client = Client(client_id=client_id, **_read_values(client_id, wanted))
    _validate_client(client)
    return Change(client, is_new=True, before={})


def _read_values(client_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(wanted) - set(FIELDS):
        raise FileError(f"unknown: {', '.join(sorted(unknown))}")
    default = Client(client_id=client_id, name=client_id)
    values = {name: wanted.get(name, getattr(default, name)) for name in FIELDS}
    if wanted.get("minimum", "eidas1") not in MINIMUM:
        raise FileError(f"minimum is one of {', '.join(MINIMUM)}")
    return values | {"minimum": int(MINIMUM[wanted.get("minimum", "eidas1")])}


def _validate_client(client: Client) -> None:
    try:
        client.full_clean()
    except ValidationError as error:
        raise FileError("; ".join(error.messages)) from error


def apply_changes(changes: list[Change]) -> dict[str, str]:
    """Write all changes or none, and return the secrets of new clients by client_id; they are not stored."""
    secrets: dict[str, str] = {}
    with transaction.atomic():
        for change in changes:
            if change.is_new and not change.client.jwks:
                secrets[change.client.client_id] = change.client.renew_secret()
            if change.is_new or change.before:
                change.client.save()
                _record_change(change)
    return secrets


def _record_change(change: Change) -> None:
    client_id = change.client.client_id
    if change.is_new:
        record(Event.CLIENT_REGISTERED, client_id=client_id)
    else:
        record(Event.CLIENT_CHANGED_BY_FILE, client_id=client_id, fields=", ".join(sorted(change.before)))
