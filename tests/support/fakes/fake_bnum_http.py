"""The Bnum's web service (SOAP) and the JSON contract on real sockets; see fake_bnum."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.client import parse_headers
from pathlib import Path
from urllib.parse import unquote

from tests.support.fakes.fake_bnum import HTML, FakeBnum, Handler, serving

NAMESPACE = "urn:dynalogin"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


class HttpHandler(Handler):
    """Reads one request, then does what the mode says: these, or those of the server, or the right thing."""

    good_type = "text/plain"

    def serve(self) -> None:
        self.request_line = self.rfile.readline().decode()
        self.headers = parse_headers(self.rfile)
        self.content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.bnum.asked.append(f"{self.request_line}{self.headers}{self.content}")
        getattr(self, self.bnum.mode, self.good)()

    def good(self) -> None:
        self.respond(*self.answer())

    def answer(self) -> tuple[int, str]:
        """Return the right status and body."""
        raise NotImplementedError

    def respond(self, status: int, body: str, media_type: str = "", more: str = "", length: int | None = None) -> None:
        content = body.encode()
        length = len(content) if length is None else length
        head = f"HTTP/1.1 {status} x\r\nContent-Type: {media_type or self.good_type}\r\nContent-Length: {length}\r\n"
        self.wfile.write(f"{head}{more}\r\n".encode() + content)

    def drip_headers(self) -> None:
        self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")

    def drip_body(self) -> None:
        self.drip(f"HTTP/1.1 200 OK\r\nContent-Type: {self.good_type}\r\n\r\n".encode())

    def error(self) -> None:
        """Answer an error status with the right body: the status alone must count."""
        self.respond(500, self.answer()[1])

    def denied(self) -> None:
        self.respond(401, self.answer()[1])

    def created(self) -> None:
        self.respond(202, self.answer()[1])

    def redirect(self) -> None:
        """Redirect to a URL that would give the right response."""
        self.bnum.mode = "good"
        self.respond(307, "", more=f"Location: {self.request_line.split()[1]}\r\n")

    def html(self) -> None:
        self.respond(200, HTML, "text/html; charset=utf-8")

    def coloured(self) -> None:
        self.respond(200, HTML, "text/\x1b[31m")

    def html_that_lies(self) -> None:
        self.respond(200, HTML)

    def present_but_not_found(self) -> None:
        self.respond(404, self.answer()[1])

    def not_found(self) -> None:
        self.respond(404, HTML, "text/html")

    def wrong_type(self) -> None:
        self.respond(200, self.answer()[1], "text/html")

    def empty(self) -> None:
        self.respond(200, "")

    def torn(self) -> None:
        body = self.answer()[1]
        self.respond(200, body[: len(body) // 2], length=len(body))

    def huge(self) -> None:
        """Answer sound content, but too much: the size alone must count."""
        self.respond(200, self.answer()[1] + " " * 70_000)

    def endless(self) -> None:
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {self.good_type}\r\n\r\n")
        while not self.bnum.over.is_set():
            self.send(" " * 4096)

    def garbage(self) -> None:
        self.wfile.write(b"\x16\x03\x01\x00\xff\xfe\r\n\r\n")

    def binary(self) -> None:
        self.send(f"HTTP/1.1 200 OK\r\nContent-Type: {self.good_type}\r\n\r\n")
        self.wfile.write(b"\x00\xff\xfe\x80" * 50)


FAULTS = [
    "slow", "drip_headers", "drip_body", "reset", "error", "denied", "created", "redirect", "html", "html_that_lies",
    "not_found", "wrong_type", "empty", "torn", "huge", "endless", "garbage", "binary",
]  # fmt: skip


class Webservice(HttpHandler):
    """`isActivated(user)` and `validateOTP(user, code)` in NAMESPACE; `mode` may also be a body with %s for a value."""

    good_type = "text/xml; charset=utf-8"

    def answer(self) -> tuple[int, str]:
        operation = re.search(r"<m:(\w+)>", self.content)[1]
        words = [unescape(value) for value in re.findall(r"<(?:m:)?(?:user|code)>([^<]*)<", self.content)]
        known = words[0] in self.bnum.secrets
        yes = known if operation == "isActivated" else self.bnum.is_right(*words)
        value = '<return xsi:type="xsd:boolean">' + ("true" if yes else "false") + "</return>"
        return 200, soap(f'<n:{operation}Response xmlns:n="{NAMESPACE}">{value}</n:{operation}Response>')

    def good(self) -> None:
        mode = self.bnum.mode
        self.respond(200, mode) if mode.startswith("<") else super().good()


def soap(content: str) -> str:
    types = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    return f'<?xml version="1.0"?><e:Envelope xmlns:e="{SOAP}" {types}><e:Body>{content}</e:Body></e:Envelope>'


class Agents(HttpHandler):
    """`GET /bnum/agents/<uid>`; `bnum.answer` replaces members, None removes one; `mode` may be a JSON text."""

    good_type = "application/json"

    def answer(self) -> tuple[int, str]:
        uid = unquote(self.request_line.split()[1].removeprefix("/bnum/agents/"))
        if uid not in self.bnum.secrets:
            return 404, json.dumps({"uid": uid, "state": "absent"})
        usual = {
            "uid": uid, "state": "present", "algorithm": "SHA1", "digits": 6, "period": 30, "encoding": "raw",
            "secret": self.bnum.secrets[uid],
        }  # fmt: skip
        members = usual | self.bnum.answer
        return 200, json.dumps({name: value for name, value in members.items() if value is not None})

    def good(self) -> None:
        mode = self.bnum.mode
        self.respond(200, mode) if mode[0] in '[{"0' else super().good()


@contextmanager
def webservice(bnum: FakeBnum, certificate: Path | None = None, client_ca: str = "") -> Iterator[str]:
    with serving(Webservice, bnum, certificate, client_ca) as place:
        yield f"http{'s' if certificate else ''}://{place}/soap?service=otp"


@contextmanager
def agents(bnum: FakeBnum, certificate: Path | None = None, client_ca: str = "") -> Iterator[str]:
    with serving(Agents, bnum, certificate, client_ca) as place:
        yield f"http{'s' if certificate else ''}://{place}/bnum"
