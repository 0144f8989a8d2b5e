"""Clients as a reviewed file: what it would change, and changing it all at once."""

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
    """The file is not TOML, names something that does not exist, or describes a client that may not be."""


@dataclass(frozen=True)
class Change:
    """One client as the file wants it; `before` holds the old value of each field that would change."""

    client: Client
    is_new: bool
    before: dict[str, Any]

    def lines(self) -> list[str]:
        name = self.client.client_id
        if self.is_new:
            return [f"+ {name}", *(f"    {key}: {getattr(self.client, key)!r}" for key in FIELDS)]
        if not self.before:
            return [f"= {name}"]
        changed = sorted(self.before.items())
        return [f"~ {name}", *(f"    {key}: {old!r} -> {getattr(self.client, key)!r}" for key, old in changed)]


def plan(content: bytes) -> list[Change]:
    """What the file would change. Raises FileError with every fault, one a line; nothing is written."""
    try:
        clients = tomllib.loads(content.decode()).get("clients", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"not TOML: {error}") from error
    if not isinstance(clients, dict) or not all(isinstance(wanted, dict) for wanted in clients.values()):
        raise FileError("expected [clients.ID] tables")
    changes, faults = [], []
    for client_id, wanted in clients.items():
        try:
            changes.append(_change(client_id, wanted))
        except FileError as error:
            faults.append(f"{client_id}: {error}")
    if faults:
        raise FileError("\n".join(faults))
    return changes


def _change(client_id: str, wanted: dict[str, Any]) -> Change:
    """What the file does not say is the default: the file is the whole truth of its clients."""
    client = Client.objects.filter(client_id=client_id).first()
    is_new = client is None
    client = client or Client(client_id=client_id)
    target = _values(client_id, wanted)
    before = {name: getattr(client, name) for name, value in target.items() if getattr(client, name) != value}
    for name, value in target.items():
        setattr(client, name, value)
    _validate(client)
    return Change(client, is_new, {} if is_new else before)


def new_client(client_id: str, wanted: dict[str, Any]) -> Change:
    """One that is not there yet, described as in the file. Raises FileError."""
    client = Client(client_id=client_id, **_values(client_id, wanted))
    _validate(client)
    return Change(client, is_new=True, before={})


def _values(client_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(wanted) - set(FIELDS):
        raise FileError(f"unknown: {', '.join(sorted(unknown))}")
    default = Client(client_id=client_id, name=client_id)
    values = {name: wanted.get(name, getattr(default, name)) for name in FIELDS}
    if wanted.get("minimum", "eidas1") not in MINIMUM:
        raise FileError(f"minimum is one of {', '.join(MINIMUM)}")
    return values | {"minimum": int(MINIMUM[wanted.get("minimum", "eidas1")])}


def _validate(client: Client) -> None:
    try:
        client.full_clean()
    except ValidationError as error:
        raise FileError("; ".join(error.messages)) from error


def apply(changes: list[Change]) -> dict[str, str]:
    """Write them all or none. The secrets of new clients by client_id, which cannot be had again."""
    secrets: dict[str, str] = {}
    with transaction.atomic():
        for change in changes:
            if change.is_new and not change.client.jwks:
                secrets[change.client.client_id] = change.client.renew_secret()
            if change.is_new or change.before:
                change.client.save()
                _record(change)
    return secrets


def _record(change: Change) -> None:
    client_id = change.client.client_id
    if change.is_new:
        record(Event.CLIENT_REGISTERED, client_id=client_id)
    else:
        record(Event.CLIENT_CHANGED_BY_FILE, client_id=client_id, fields=", ".join(sorted(change.before)))
