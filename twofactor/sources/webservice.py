"""The Bnum's SOAP web service in front of dynalogin. Its WSDL is not public: its names are settings.

SOAP 1.1 over HTTP, the envelope written by hand (docs/decisions/0022-soap-by-hand.md).
"""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import fromstring
from django.conf import settings

from twofactor.sources.answers import CODE, DelegatedSource, RecordUnusable, SourceUnavailable, State, Told, sendable
from twofactor.sources.fetch import Question, Reply, basic, fetch

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XML_TYPES = ("text/xml", "application/xml")
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}  # XML Schema part 2 §3.2.2
SIGNATURE = re.compile(r"([A-Za-z_][\w.-]*)\(([A-Za-z_][\w.-]*(?:,[A-Za-z_][\w.-]*)*)\)", re.ASCII)


@dataclass(frozen=True)
class Operation:
    name: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, signature: str) -> "Operation":
        """From `validateOTP(user,code)`. Raises ValueError."""
        match = SIGNATURE.fullmatch(signature.replace(" ", ""))
        if match is None:
            raise ValueError("not name(argument,argument)")
        return cls(match[1], tuple(match[2].split(",")))


class WebserviceSource(Told, DelegatedSource):
    """Codes are verified, and burnt, behind the web service at MELOTP_URL."""

    def look_up(self, uid: str) -> tuple[State, None]:
        """As DelegatedSource.look_up: PRESENT or ABSENT, as isActivated says."""
        if not sendable(uid):
            return State.UNSUPPORTED, None
        activated = self._call(settings.MELOTP_SOAP_ACTIVATED, uid)
        return (State.PRESENT if activated else State.ABSENT), None

    def verify(self, uid: str, code: str) -> bool:
        """As DelegatedSource.verify."""
        if not (sendable(uid) and CODE.fullmatch(code)):
            raise RecordUnusable("not_sendable")
        return self._call(settings.MELOTP_SOAP_VALIDATE, uid, code)

    def _call(self, signature: str, *values: str) -> bool:
        operation = Operation.of(signature)
        action = settings.MELOTP_SOAP_ACTION and f"{settings.MELOTP_SOAP_ACTION}{operation.name}"
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{action}"',
            **basic(settings.MELOTP_USER, settings.MELOTP_PASSWORD),
        }
        body = envelope(operation, values, settings.MELOTP_SOAP_NAMESPACE, settings.MELOTP_SOAP_QUALIFIED)
        reply = fetch(Question("POST", settings.MELOTP_URL, headers, body), self.tell)
        return boolean_in(reply, f"{{{settings.MELOTP_SOAP_NAMESPACE}}}{operation.name}Response")


def envelope(operation: Operation, values: tuple[str, ...], namespace: str, qualified: bool) -> bytes:
    """A call. `qualified`: the arguments are in the namespace too (elementFormDefault="qualified")."""
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


def boolean_in(reply: Reply, response: str) -> bool:
    """The one boolean of the element `response`, in James Clark's notation. Raises SourceUnavailable."""
    if reply.status != 200:
        raise SourceUnavailable(f"status_{reply.status}")
    if reply.media_type not in XML_TYPES:
        raise SourceUnavailable("not_xml")
    answer = _only_child(_body(_parsed(reply.body)), response)
    value = _only_child(answer)
    text = (value.text or "").strip()
    if len(value) or text not in BOOLEANS:
        raise SourceUnavailable("not_a_boolean")
    return BOOLEANS[text]


def _parsed(body: bytes) -> Element:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:  # what defusedxml refuses, and unknown encodings
        raise SourceUnavailable("not_xml") from error
    return root


def _body(root: Element) -> Element:
    bodies = [part for part in root if part.tag == f"{{{SOAP}}}Body"]
    if root.tag != f"{{{SOAP}}}Envelope" or len(bodies) != 1:
        raise SourceUnavailable("not_an_envelope")
    return bodies[0]


def _only_child(parent: Element, tag: str | None = None) -> Element:
    """Of that name, if one is given; a Fault is another name."""
    if len(parent) != 1 or (tag and parent[0].tag != tag):
        raise SourceUnavailable("another_answer")
    return parent[0]
