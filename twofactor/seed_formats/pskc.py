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
    NumberedEntries,
    Options,
    Unusable,
    catch_fault,
    check_issuer,
    check_parameters,
    make_entry,
)
from twofactor.seed_formats.pskc_values import ValueReader

NAMES = {"p": "urn:ietf:params:xml:ns:keyprov:pskc", "x": "http://www.w3.org/2001/04/xmlenc#"}
PSKC, XENC = ("{" + uri + "}" for uri in NAMES.values())
TOTP = f"{NAMES['p']}:totp"
PACKAGE_LENGTH = 2**20  # bytes without one key: no device needs more
DEPTH = 32  # elements within one another
NAMED_UID = re.compile(r"(?:^|,)\s*uid\s*=\s*([^,]+)", re.IGNORECASE)  # UserId may be a distinguished name


class BoundedReader:
    """A file that may be read for so many bytes; each call of `allow_next_key` allows as many again."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.allow_next_key()

    def allow_next_key(self) -> None:
        self._left = PACKAGE_LENGTH

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, 2**14) if size > 0 else 2**14)
        self._left -= len(data)
        if self._left < 0:
            raise BadFile("a key of this PSKC file is too long")
        return data


def read(file: BinaryIO, options: Options) -> NumberedEntries:
    """Yield the rank of each key with its entry or fault, in constant memory. Raises BadFile."""
    try:
        yield from enumerate(_read_keys(BoundedReader(file), options), start=1)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise BadFile("not XML that can be read, or not safe") from error


def _read_keys(file: BoundedReader, options: Options) -> Iterator[Entry | Fault]:
    values = ValueReader(options.psk)
    depth, root = 0, None
    for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        depth += 1 if event == "start" else -1
        if root is None:
            root = element
        if depth > DEPTH or root.tag != f"{PSKC}KeyContainer":
            raise BadFile("not a PSKC key container")
        if event == "end" and element.tag == f"{PSKC}MACMethod":
            values.set_mac(element.get("Algorithm", ""), element.find("p:MACKey", NAMES))
        if event == "end" and element.tag == f"{PSKC}KeyPackage":
            yield catch_fault(_read_package, element, values, options)
            root.clear()
            file.allow_next_key()


def _read_package(package: Element, values: ValueReader, options: Options) -> Entry:
    key = package.find("p:Key", NAMES)
    if key is None:
        raise Unusable(Fault.LINE)
    _check_key(key, options)
    user = _find_text(key, "p:UserId") or _find_text(package, "p:DeviceInfo/p:UserId")
    named = NAMED_UID.search(user)
    uid = named[1] if named else user
    if not uid.isprintable():
        raise Unusable(Fault.LINE)
    return make_entry(uid, values.read(key.find("p:Data/p:Secret", NAMES)))


def _check_key(key: Element, options: Options) -> None:
    parameters = "p:AlgorithmParameters"
    form = key.find(f"{parameters}/p:ResponseFormat", NAMES)
    shown_code: Any = form.attrib if form is not None else {}
    unsupported = (key.find(path, NAMES) for path in ("p:Policy/p:PINPolicy", f"{parameters}/p:ChallengeFormat"))
    is_totp = key.get("Algorithm") == TOTP and shown_code.get("Encoding", "DECIMAL") == "DECIMAL"
    check_parameters(
        "totp" if is_totp and all(found is None for found in unsupported) else "other",
        _find_text(key, f"{parameters}/p:Suite") or "SHA1",
        shown_code.get("Length", DIGITS),
        _find_text(key, "p:Data/p:TimeInterval/p:PlainValue") or STEP,
    )
    if issuer := _find_text(key, "p:Issuer"):
        check_issuer({issuer}, options)


def _find_text(element: Element, path: str) -> str:
    return (element.findtext(path, "", NAMES) or "").strip()
