"""One HTTP exchange with a source, bounded in time and size. No redirect is followed, no proxy has a part in it.

On the standard library's client over a connection of our own: the deadline cuts it, and check_source reports its
steps.
"""

import base64
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from urllib.parse import urlsplit

from twofactor.sources.contract import ReportStep, SourceUnavailable
from twofactor.sources.exchange import Endpoint, OpenConnections, connect, run_exchange

MAXIMUM_BYTES = 64 * 1024  # an answer has some hundreds


@dataclass(frozen=True)
class Request:
    """`url` with its path and query as they are to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    status: int
    media_type: str
    body: bytes


def fetch(request: Request, report_step: ReportStep) -> Response:
    """Return the response, whatever its status. Raises SourceUnavailable when it is late, torn or too large."""
    response = run_exchange(lambda connections: _exchange(connections, request, report_step))
    report_step("HTTP", f"status {response.status}, {response.media_type}")
    if len(response.body) > MAXIMUM_BYTES:
        raise SourceUnavailable("too_large")
    return response


def _exchange(connections: OpenConnections, request: Request, report_step: ReportStep) -> Response:
    parts, endpoint = urlsplit(request.url), Endpoint.parse(request.url)
    client = HTTPConnection(endpoint.host, endpoint.port)
    with closing(connect(endpoint, connections, report_step)) as client.sock:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.netloc.rpartition("@")[2]
        client.request(request.method, target, request.body, {"Host": host, "Connection": "close", **request.headers})
        with client.getresponse() as response:
            return Response(response.status, read_media_type(response.msg), response.read(MAXIMUM_BYTES + 1))


def read_media_type(headers: Message) -> str:
    """Return `type/subtype` in lower case; text/plain for a header that is missing or no media type (RFC 2045 §5.2)."""
    return headers.get_content_type()


def make_basic_auth(user: str, password: str) -> dict[str, str]:
    """Return the header of RFC 7617; none without a user."""
    if not user:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
