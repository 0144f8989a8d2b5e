"""LemonLDAP::NG's persistent sessions (`lemonldap-ng-sessions search --persistent`): TOTP devices, secret in base32.

Digits and period are in the portal's configuration, not in the sessions: the operator knows that they are 6 and 30 s.
A secret that the portal encrypts is unreadable here.
"""

from itertools import count
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import Entry, Fault, Found, Options, Unusable, entry, guarded
from twofactor.seed_formats.json_text import dicts, inner, load


def read(file: BinaryIO, options: Options) -> Found:
    """Rank of each TOTP device and what it gives. Raises BadFile."""
    ranks = count(1)
    for session in dicts(load(file)):
        try:
            devices = dicts(inner(session.get("_2fDevices")))
        except Unusable as error:
            yield next(ranks), error.fault
            continue
        for device in devices:
            if device.get("type") == "TOTP":
                yield next(ranks), guarded(_entry, session, device)


def _entry(session: dict[str, Any], device: dict[str, Any]) -> Entry:
    uid, secret = session.get("_session_uid"), device.get("_secret")
    if not isinstance(uid, str) or not isinstance(secret, str):
        raise Unusable(Fault.LINE)
    return entry(uid, secret, "base32")
