"""A Keycloak realm export with its users: the secret's own bytes are the key, or it says BASE32."""

from itertools import count
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import Entry, Fault, Found, Options, Unusable, check, entry, guarded
from twofactor.seed_formats.json_text import dicts, inner, load


def read(file: BinaryIO, options: Options) -> Found:
    """Rank of each OTP credential and what it gives. Raises BadFile."""
    ranks = count(1)
    for realm in dicts(load(file)):
        for user in dicts(realm.get("users")):
            for credential in dicts(user.get("credentials")):
                if credential.get("type") in ("otp", "totp", "hotp"):
                    yield next(ranks), guarded(_entry, user, credential)


def _entry(user: dict[str, Any], credential: dict[str, Any]) -> Entry:
    secret, data = inner(credential.get("secretData")), inner(credential.get("credentialData"))
    if not isinstance(secret, dict) or not isinstance(data, dict):
        raise Unusable(Fault.LINE)
    uid, value = user.get("username"), secret.get("value")
    if not isinstance(uid, str) or not isinstance(value, str):
        raise Unusable(Fault.LINE)
    check(str(data.get("subType")), str(data.get("algorithm")), data.get("digits"), data.get("period"))
    encoding = data.get("secretEncoding")
    if encoding not in (None, "BASE32"):
        raise Unusable(Fault.ENCODING)
    return entry(uid, value, "base32" if encoding else "raw")
