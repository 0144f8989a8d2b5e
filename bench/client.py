"""A cheap HTTP/1.1 client: one kept connection for each origin, a cookie jar, forms as a browser sends them."""

import asyncio
import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

INPUT = re.compile(r"<input\b([^>]*)>", re.IGNORECASE)
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.IGNORECASE | re.DOTALL)
ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
HEADERS_END = b"\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Response:
    url: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
    body: bytes = b""

    @property
    def location(self) -> str | None:
        location = self.headers.get("location")
        return urljoin(self.url, location) if location else None

    def find_form(self, field_name: str) -> tuple[str, dict[str, str]] | None:
        """Return the URL and the hidden fields of the form that has a field of this name."""
        for attributes, content in FORM.findall(self.body.decode()):
            inputs = [parse_attributes(text) for text in INPUT.findall(content)]
            if any(each.get("name") == field_name for each in inputs):
                hidden = {each["name"]: each.get("value", "") for each in inputs if each.get("type") == "hidden"}
                return urljoin(self.url, parse_attributes(attributes).get("action") or self.url), hidden
        return None


def parse_attributes(text: str) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b) for name, a, b in ATTRIBUTE.findall(text)}


def parse_headers(url: str, raw: bytes) -> Response:
    status_line, *lines = raw.decode("latin-1").split("\r\n")
    response = Response(url, int(status_line.split(" ", 2)[1]))
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "set-cookie":
            response.cookies.append(value.strip())
        else:
            response.headers[name.lower()] = value.strip()
    return response


@dataclass
class Browser:
    """An agent's browser. Requests with `jar=False` come from the application and carry no cookie.

    All servers have the same host, and cookies do not know ports (RFC 6265, section 8.5): one jar serves them all.
    """

    jar: dict[str, str] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)

    async def get(self, url: str, headers: dict[str, str] | None = None, jar: bool = True) -> Response:
        return await self.send("GET", url, "", headers or {}, jar)

    async def post(
        self, url: str, fields: dict[str, str], headers: dict[str, str] | None = None, jar: bool = True
    ) -> Response:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.send("POST", url, urlencode(fields), form | (headers or {}), jar)

    async def send(self, method: str, url: str, body: str, headers: dict[str, str], jar: bool) -> Response:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: bench"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if jar and self.jar:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.jar.items()))
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
            lines += [f"Origin: {parts.scheme}://{parts.netloc}"] if jar else []
        response = await self._exchange(url, parts.netloc, ("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if jar:
            self._keep_cookies(response.cookies)
        return response

    async def _exchange(self, url: str, origin: str, raw: bytes) -> Response:
        """Send again on a new connection when the server has closed the kept one after its last response."""
        is_kept = origin in self.connections
        try:
            return await self._send_on_connection(url, origin, raw)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.connections.pop(origin, None)
            if not is_kept:
                raise
            return await self._send_on_connection(url, origin, raw)

    async def _send_on_connection(self, url: str, origin: str, raw: bytes) -> Response:
        if origin not in self.connections:
            host, _, port = origin.partition(":")
            self.connections[origin] = await asyncio.open_connection(host, int(port))
        reader, writer = self.connections[origin]
        writer.write(raw)
        response = parse_headers(url, (await reader.readuntil(HEADERS_END))[: -len(HEADERS_END)])
        response.body = await self._read_body(reader, response)
        if response.headers.get("connection", "").lower() == "close":
            writer.close()
            del self.connections[origin]
        return response

    @staticmethod
    async def _read_body(reader: asyncio.StreamReader, response: Response) -> bytes:
        if "chunked" not in response.headers.get("transfer-encoding", ""):
            return await reader.readexactly(int(response.headers.get("content-length", 0)))
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:size]
        await reader.readline()
        return body

    def _keep_cookies(self, cookies: list[str]) -> None:
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            is_removed = not value or "max-age=0" in cookie.lower() or "01 jan 1970" in cookie.lower()
            self.jar.pop(name, None) if is_removed else self.jar.update({name: value})
