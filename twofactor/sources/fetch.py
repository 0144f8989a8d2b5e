"""One HTTP exchange with a source, bounded in time and size. No redirect is followed, no proxy has a part in it.

On the standard library's client over a connection of ours: the deadline cuts it, and check_source tells its steps.
"""

import base64
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from urllib.parse import urlsplit

from twofactor.sources.answers import SourceUnavailable, Tell
from twofactor.sources.exchange import Address, Wires, connect, within_deadline

MAXIMUM_BYTES = 64 * 1024  # an answer has some hundreds


@dataclass(frozen=True)
class Question:
    """`url` with its path and query as they are to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Reply:
    status: int
    media_type: str
    body: bytes


def fetch(question: Question, tell: Tell) -> Reply:
    """Whatever came back, status included. Raises SourceUnavailable when it is late, torn or too large."""
    reply = within_deadline(lambda wires: _exchange(wires, question, tell))
    tell("HTTP", f"status {reply.status}, {reply.media_type}")
    if len(reply.body) > MAXIMUM_BYTES:
        raise SourceUnavailable("too_large")
    return reply


def _exchange(wires: Wires, question: Question, tell: Tell) -> Reply:
    parts, address = urlsplit(question.url), Address.of(question.url)
    client = HTTPConnection(address.host, address.port)
    with closing(connect(address, wires, tell)) as client.sock:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        client.request(
            question.method, target, question.body, {"Host": host, "Connection": "close", **question.headers}
        )
        with client.getresponse() as response:
            return Reply(response.status, media_type(response.msg), response.read(MAXIMUM_BYTES + 1))


def media_type(headers: Message) -> str:
    """`type/subtype` in lower case; text/plain when the header is missing or makes no sense (RFC 2045 §5.2)."""
    return headers.get_content_type()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of RFC 7617, none without a user."""
    if not user:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
