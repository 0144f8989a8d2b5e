"""Exports of seeds in each format, as files and made here. Every secret is invented."""

import base64
import io
from urllib.parse import quote

from tests.support.paths import VECTORS
from twofactor.seed_formats import Entry, Options, pskc, read_entries
from twofactor.seed_formats.pskc_values import NAMES

SEEDS = VECTORS / "seeds"
ONE, TWO = b"invented-secret-0001", b"invented-secret-0002"
BOTH = [("camille.durand", ONE), ("dominique.morel", TWO)]


def read_content(content, name="auto", options=Options()):  # noqa: B008 - frozen
    """Return the entries that the reader yields, as (uid, seed), or the name of the fault."""
    file = io.BufferedReader(io.BytesIO(content if isinstance(content, bytes) else content.encode()))
    pairs = list(read_entries(file, name, options))
    assert len({number for number, _ in pairs}) == len(pairs)
    return [(given.uid, given.seed) if isinstance(given, Entry) else str(given) for _, given in pairs]


DYNALOGIN = ["unsupported_type", "locked", "unsupported_type", "unreadable_line", "unreadable_secret"]
EXPECTED = {
    "dynalogin.pgdump.sql": ("dynalogin", DYNALOGIN),
    "dynalogin.mysqldump.sql": ("dynalogin", DYNALOGIN),
    "dynalogin.inserts.sql": ("dynalogin", DYNALOGIN),
    "dynalogin.csv": ("dynalogin", DYNALOGIN),
    "oath-header.csv": (
        "oath-csv",
        ["unsupported_type", "unsupported_digits", "unsupported_period", "unsupported_algorithm",
         "unsupported_algorithm", "unreadable_secret", "unreadable_line", "unsupported_type"],
    ),
    "oath-version2.csv": ("oath-csv", []),
    "keycloak.json": (
        "keycloak",
        ["unsupported_type", "unsupported_digits", "unsupported_period", "unsupported_algorithm",
         "unsupported_encoding", "unreadable_secret", "unreadable_line"],
    ),
    "lemonldap.json": ("lemonldap", ["unreadable_secret", "unreadable_line", "unreadable_line"]),
}  # fmt: skip

# --- Google Authenticator's migration links ---


def varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def account(secret=ONE, name=b"Bnum:camille.durand", issuer=b"Bnum", algorithm=1, digits=1, kind=2, more=b""):
    values = enumerate([secret, name, issuer, algorithm, digits, kind], start=1)
    return b"".join(field(number, value) for number, value in values if value is not None) + more


def make_migration_link(*accounts, tail=None):
    payload = b"".join(field(1, one) for one in accounts) + (field(2, 1) + field(3, 1) if tail is None else tail)
    return f"otpauth-migration://offline?data={quote(base64.b64encode(payload), safe='')}"


# --- PSKC ---

PSK = bytes.fromhex("12345678901234567890123456789012")  # RFC 6030 §6.1
FIGURE6 = (SEEDS / "rfc6030-figure6.xml").read_text()
CHECKABLE = (
    FIGURE6.replace("pskc:hotp", "pskc:totp").replace('Length="8"', 'Length="6"')
    .replace("<Issuer>Issuer</Issuer>", "<Issuer>Bnum</Issuer>")
    .replace("<Counter>\n                    <PlainValue>0</PlainValue>\n                </Counter>",
             "<TimeInterval><PlainValue>30</PlainValue></TimeInterval>")
    .replace("</Data>", "</Data><UserId>UID=Camille.Durand,OU=agents,DC=fr</UserId>")
)  # fmt: skip
SECRET = b"12345678901234567890"


def package(uid="camille.durand", secret=None, device=""):
    plain = secret or f"<PlainValue>{base64.b64encode(ONE).decode()}</PlainValue>"
    return (
        f"<KeyPackage><DeviceInfo>{device}</DeviceInfo><Key Algorithm='{pskc.TOTP}'>"
        f"<Data><Secret>{plain}</Secret></Data><UserId>{uid}</UserId></Key></KeyPackage>"
    )


def container(*packages, head="", before=""):
    root = f"<KeyContainer Version='1.0' xmlns='{NAMES['p']}' xmlns:x='{NAMES['x']}'>"
    return f"<?xml version='1.0'?>{before}{root}{head}{''.join(packages)}</KeyContainer>"
