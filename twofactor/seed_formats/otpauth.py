"""`otpauth://totp/Bnum:<uid>?secret=…&issuer=Bnum`, secret in base32."""

from urllib.parse import parse_qsl, unquote, urlsplit

from twofactor.codes import DIGITS, STEP
from twofactor.seed_formats.entry import Entry, Fault, Options, Unusable, check, check_issuer, entry

SCHEME = "otpauth://"


def from_uri(uri: str, options: Options) -> Entry:
    """Raises Unusable.

    Not by pyotp.parse_uri: it refuses short secrets, which the Bnum has, and gives one answer to every fault.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise Unusable(Fault.LINE) from error
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = {name.lower(): value for name, value in pairs}
    issuer, _, uid = unquote(parts.path.lstrip("/")).rpartition(":")
    if len(given) < len(pairs) or not uid:
        raise Unusable(Fault.LINE)
    check(
        "steam" if "encoder" in given else parts.netloc, given.get("algorithm", "SHA1"), given.get("digits", DIGITS),
        given.get("period", STEP),
    )  # fmt: skip
    check_issuer({issuer.strip(), given.get("issuer", "")} - {""}, options)
    return entry(uid, given.get("secret", ""), "base32")
