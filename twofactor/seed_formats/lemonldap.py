"""LemonLDAP::NG's persistent sessions (`lemonldap-ng-sessions search --persistent`): TOTP devices, secret in base32.

Digits and period are in the portal's configuration, not in the sessions: the operator knows that they are 6 and 30 s.
A secret that the portal encrypts is unreadable here.
"""

from itertools import count
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import Entry, Fault, NumberedEntries, Options, Unusable, catch_fault, decode_entry
from twofactor.seed_formats.json_text import list_objects, load_json, unwrap_json


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the rank of each TOTP device with its entry or fault. Raises BadFile."""
    ranks = count(1)
    for session in list_objects(load_json(file)):
        try:
            devices = list_objects(unwrap_json(session.get("_2fDevices")))
        except Unusable as error:
            yield next(ranks), error.fault
            continue
        for device in devices:
            if device.get("type") == "TOTP":
                yield next(ranks), catch_fault(_read_device, session, device)


def _read_device(session: dict[str, Any], device: dict[str, Any]) -> Entry:
    uid, secret = session.get("_session_uid"), device.get("_secret")
    if not isinstance(uid, str) or not isinstance(secret, str):
        raise Unusable(Fault.LINE)
    return decode_entry(uid, secret, "base32")
