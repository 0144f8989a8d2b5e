"""PSKC (RFC 6030): a container of keys in XML, in clear or encrypted with a pre-shared key (§6.1)."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from twofactor.codes import DIGITS, STEP
from twofactor.seed_formats.entry import (
    BadFile,
    Entry,
    Fault,
    Found,
    Options,
    Unusable,
    check,
    check_issuer,
    entry_of,
    guarded,
)  # fmt: skip
from twofactor.seed_formats.pskc_values import Opener

NAMES = {"p": "urn:ietf:params:xml:ns:keyprov:pskc", "x": "http://www.w3.org/2001/04/xmlenc#"}
PSKC, XENC = ("{" + uri + "}" for uri in NAMES.values())
TOTP = f"{NAMES['p']}:totp"
PACKAGE_LENGTH = 2**20  # bytes without one key: no device needs more
DEPTH = 32  # elements within one another
NAMED_UID = re.compile(r"(?:^|,)\s*uid\s*=\s*([^,]+)", re.IGNORECASE)  # UserId may be a distinguished name


class Bounded:
    """Reads a file until it is too long without having been told to go on."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.go_on()

    def go_on(self) -> None:
        self._left = PACKAGE_LENGTH

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, 2**14) if size > 0 else 2**14)
        self._left -= len(data)
        if self._left < 0:
            raise BadFile("a key of this PSKC file is too long")
        return data


def read(file: BinaryIO, options: Options) -> Found:
    """Rank of each key and what it gives, in constant memory. Raises BadFile."""
    try:
        yield from enumerate(_keys(Bounded(file), options), start=1)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise BadFile("not XML that can be read, or not safe") from error


def _keys(file: Bounded, options: Options) -> Iterator[Entry | Fault]:
    opener = Opener(options.psk)
    depth, root = 0, None
    for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        depth += 1 if event == "start" else -1
        if root is None:
            root = element
        if depth > DEPTH or root.tag != f"{PSKC}KeyContainer":
            raise BadFile("not a PSKC key container")
        if event == "end" and element.tag == f"{PSKC}MACMethod":
            opener.take_mac(element.get("Algorithm", ""), element.find("p:MACKey", NAMES))
        if event == "end" and element.tag == f"{PSKC}KeyPackage":
            yield guarded(_entry, element, opener, options)
            root.clear()
            file.go_on()


def _entry(package: Element, opener: Opener, options: Options) -> Entry:
    key = package.find("p:Key", NAMES)
    if key is None:
        raise Unusable(Fault.LINE)
    _check(key, options)
    user = _text(key, "p:UserId") or _text(package, "p:DeviceInfo/p:UserId")
    named = NAMED_UID.search(user)
    uid = named[1] if named else user
    if not uid.isprintable():
        raise Unusable(Fault.LINE)
    return entry_of(uid, opener.open(key.find("p:Data/p:Secret", NAMES)))


def _check(key: Element, options: Options) -> None:
    parameters = "p:AlgorithmParameters"
    form = key.find(f"{parameters}/p:ResponseFormat", NAMES)
    shown: Any = form.attrib if form is not None else {}
    more = (key.find(path, NAMES) for path in ("p:Policy/p:PINPolicy", f"{parameters}/p:ChallengeFormat"))
    is_totp = key.get("Algorithm") == TOTP and shown.get("Encoding", "DECIMAL") == "DECIMAL"
    check(
        "totp" if is_totp and all(found is None for found in more) else "other",
        _text(key, f"{parameters}/p:Suite") or "SHA1",
        shown.get("Length", DIGITS),
        _text(key, "p:Data/p:TimeInterval/p:PlainValue") or STEP,
    )
    if issuer := _text(key, "p:Issuer"):
        check_issuer({issuer}, options)


def _text(element: Element, path: str) -> str:
    return (element.findtext(path, "", NAMES) or "").strip()
