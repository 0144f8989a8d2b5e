"""`otpauth://totp/Bnum:<uid>?secret=…&issuer=Bnum`, secret in base32."""

from urllib.parse import parse_qsl, unquote, urlsplit

from twofactor.codes import DIGITS, STEP
from twofactor.seed_formats.entry import Entry, Fault, Options, Unusable, check_issuer, check_parameters, decode_entry

SCHEME = "otpauth://"


def parse_uri(uri: str, options: Options) -> Entry:
    """Return the entry of an `otpauth://` URI. Raises Unusable.

    Not by pyotp.parse_uri: it refuses short secrets, which the Bnum has, and gives one answer to every fault.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise Unusable(Fault.LINE) from error
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    parameters = {name.lower(): value for name, value in pairs}
    issuer, _, uid = unquote(parts.path.lstrip("/")).rpartition(":")
    if len(parameters) < len(pairs) or not uid:
        raise Unusable(Fault.LINE)
    check_parameters(
        "steam" if "encoder" in parameters else parts.netloc, parameters.get("algorithm", "SHA1"),
        parameters.get("digits", DIGITS), parameters.get("period", STEP),
    )  # fmt: skip
    check_issuer({issuer.strip(), parameters.get("issuer", "")} - {""}, options)
    return decode_entry(uid, parameters.get("secret", ""), "base32")
