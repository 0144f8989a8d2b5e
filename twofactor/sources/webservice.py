"""The Bnum's SOAP web service in front of dynalogin. Its WSDL is not public: its names are settings.

SOAP 1.1 over HTTP, the envelope written by hand (docs/decisions/0022-soap-by-hand.md).
"""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import fromstring
from django.conf import settings

from twofactor.sources.contract import (
    CODE,
    DelegatedSource,
    RecordUnusable,
    SourceUnavailable,
    State,
    StepReporter,
    is_sendable,
)
from twofactor.sources.fetch import Request, Response, fetch, make_basic_auth

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XML_TYPES = ("text/xml", "application/xml")
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}  # XML Schema part 2 §3.2.2
SIGNATURE = re.compile(r"([A-Za-z_][\w.-]*)\(([A-Za-z_][\w.-]*(?:,[A-Za-z_][\w.-]*)*)\)", re.ASCII)


@dataclass(frozen=True)
class Operation:
    """An operation of the web service, by the names of its WSDL."""

    name: str
    arguments: tuple[str, ...]

    @classmethod
    def parse(cls, signature: str) -> "Operation":
        """Return the operation of a signature such as `validateOTP(user,code)`. Raises ValueError."""
        match = SIGNATURE.fullmatch(signature.replace(" ", ""))
        if match is None:
            raise ValueError("not name(argument,argument)")
        return cls(match[1], tuple(match[2].split(",")))


class WebserviceSource(StepReporter, DelegatedSource):
    """Codes are verified, and burnt, behind the web service at MELOTP_URL."""

    def look_up(self, uid: str) -> tuple[State, None]:
        """Look up as DelegatedSource does: PRESENT or ABSENT, as the operation isActivated answers."""
        if not is_sendable(uid):
            return State.UNSUPPORTED, None
        activated = self._call(settings.MELOTP_SOAP_ACTIVATED, uid)
        return (State.PRESENT if activated else State.ABSENT), None

    def verify(self, uid: str, code: str) -> bool:
        """Verify as DelegatedSource does."""
        if not (is_sendable(uid) and CODE.fullmatch(code)):
            raise RecordUnusable("not_sendable")
        return self._call(settings.MELOTP_SOAP_VALIDATE, uid, code)

    def _call(self, signature: str, *values: str) -> bool:
        operation = Operation.parse(signature)
        action = settings.MELOTP_SOAP_ACTION and f"{settings.MELOTP_SOAP_ACTION}{operation.name}"
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{action}"',
            **make_basic_auth(settings.MELOTP_USER, settings.MELOTP_PASSWORD),
        }
        body = build_envelope(operation, values, settings.MELOTP_SOAP_NAMESPACE, settings.MELOTP_SOAP_QUALIFIED)
        response = fetch(Request("POST", settings.MELOTP_URL, headers, body), self.report_step)
        return parse_boolean(response, f"{{{settings.MELOTP_SOAP_NAMESPACE}}}{operation.name}Response")


def build_envelope(operation: Operation, values: tuple[str, ...], namespace: str, qualified: bool) -> bytes:
    """Return the envelope of a call. `qualified`: its arguments are in the namespace too (elementFormDefault)."""
    prefix = "m:" if qualified else ""
    arguments = "".join(
        f"<{prefix}{name}>{escape(value)}</{prefix}{name}>"
        for name, value in zip(operation.arguments, values, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:m={quoteattr(namespace)}><s:Body>'
        f"<m:{operation.name}>{arguments}</m:{operation.name}></s:Body></s:Envelope>"
    ).encode()


def parse_boolean(response: Response, element: str) -> bool:
    """Return the one boolean of this element, named in James Clark's notation. Raises SourceUnavailable."""
    if response.status != 200:
        raise SourceUnavailable(f"status_{response.status}")
    if response.media_type not in XML_TYPES:
        raise SourceUnavailable("not_xml")
    answer = _get_only_child(_find_body(_parse_xml(response.body)), element)
    value = _get_only_child(answer)
    text = (value.text or "").strip()
    if len(value) or text not in BOOLEANS:
        raise SourceUnavailable("not_a_boolean")
    return BOOLEANS[text]


def _parse_xml(body: bytes) -> Element:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:  # everything that defusedxml refuses, and unknown encodings
        raise SourceUnavailable("not_xml") from error
    return root


def _find_body(root: Element) -> Element:
    bodies = [part for part in root if part.tag == f"{{{SOAP}}}Body"]
    if root.tag != f"{{{SOAP}}}Envelope" or len(bodies) != 1:
        raise SourceUnavailable("not_an_envelope")
    return bodies[0]


def _get_only_child(parent: Element, tag: str | None = None) -> Element:
    """Return the one child, which must have this tag if one is given: a Fault has another. Raises SourceUnavailable."""
    if len(parent) != 1 or (tag and parent[0].tag != tag):
        raise SourceUnavailable("another_answer")
    return parent[0]
