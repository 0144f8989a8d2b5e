"""A Keycloak realm export with its users: the secret's own bytes are the key, unless it is marked BASE32."""

from itertools import count
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import (
    Entry,
    Fault,
    NumberedEntries,
    Options,
    Unusable,
    catch_fault,
    check_parameters,
    decode_entry,
)
from twofactor.seed_formats.json_text import list_objects, load_json, unwrap_json


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the rank of each OTP credential with its entry or fault. Raises BadFile."""
    ranks = count(1)
    for realm in list_objects(load_json(file)):
        for user in list_objects(realm.get("users")):
            for credential in list_objects(user.get("credentials")):
                if credential.get("type") in ("otp", "totp", "hotp"):
                    yield next(ranks), catch_fault(_read_credential, user, credential)


def _read_credential(user: dict[str, Any], credential: dict[str, Any]) -> Entry:
    secret, data = unwrap_json(credential.get("secretData")), unwrap_json(credential.get("credentialData"))
    if not isinstance(secret, dict) or not isinstance(data, dict):
        raise Unusable(Fault.LINE)
    uid, value = user.get("username"), secret.get("value")
    if not isinstance(uid, str) or not isinstance(value, str):
        raise Unusable(Fault.LINE)
    check_parameters(str(data.get("subType")), str(data.get("algorithm")), data.get("digits"), data.get("period"))
    encoding = data.get("secretEncoding")
    if encoding not in (None, "BASE32"):
        raise Unusable(Fault.ENCODING)
    return decode_entry(uid, value, "base32" if encoding else "raw")
