"""An HTTP/1.1 client that costs little: one keep-alive connection, a cookie jar, forms as a browser sends them."""

import asyncio
import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

INPUT = re.compile(r"<input\b([^>]*)>", re.IGNORECASE)
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.IGNORECASE | re.DOTALL)
ATTRIBUTE = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
HEAD_END = b"\r\n\r\n"


@dataclass
class Answer:
    url: str
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def location(self) -> str | None:
        given = self.headers.get("location")
        return urljoin(self.url, given) if given else None

    def form(self, wanted: str) -> tuple[str, dict[str, str]] | None:
        """Address and hidden fields of the form that has a field of this name."""
        for attributes, inside in FORM.findall(self.body.decode()):
            inputs = [_attributes(text) for text in INPUT.findall(inside)]
            if any(each.get("name") == wanted for each in inputs):
                hidden = {each["name"]: each.get("value", "") for each in inputs if each.get("type") == "hidden"}
                return urljoin(self.url, _attributes(attributes).get("action") or self.url), hidden
        return None


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b) for name, a, b in ATTRIBUTE.findall(text)}


def parse(url: str, head: bytes) -> Answer:
    first, *lines = head.decode("latin-1").split("\r\n")
    answer = Answer(url, int(first.split(" ", 2)[1]), {}, [], b"")
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "set-cookie":
            answer.cookies.append(value.strip())
        else:
            answer.headers[name.lower()] = value.strip()
    return answer


@dataclass
class Browser:
    """One agent's browser, and without `jar` the application's own client; `base` is the only server known."""

    base: str
    jar: dict[str, str] = field(default_factory=dict)
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def get(self, url: str, headers: dict[str, str] | None = None, jar: bool = True) -> Answer:
        return await self._send("GET", url, "", headers or {}, jar)

    async def post(
        self, url: str, fields: dict[str, str], headers: dict[str, str] | None = None, jar: bool = True
    ) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._send("POST", url, urlencode(fields), form | (headers or {}), jar)

    async def _send(self, method: str, url: str, body: str, headers: dict[str, str], jar: bool) -> Answer:
        target = url[len(self.base) :]
        lines = [f"{method} {target} HTTP/1.1", f"Host: {urlsplit(self.base).netloc}", "User-Agent: bench"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if jar and self.jar:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.jar.items()))
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
            lines += [f"Origin: {self.base}"] if jar else []
        answer = await self._exchange(url, ("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        if jar:
            self._keep(answer.cookies)
        return answer

    async def _exchange(self, url: str, raw: bytes) -> Answer:
        """A server may have closed the connection after its last answer: then once more, on a new one."""
        reused = self.writer is not None
        try:
            return await self._on_connection(url, raw)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.writer = None
            if not reused:
                raise
            return await self._on_connection(url, raw)

    async def _on_connection(self, url: str, raw: bytes) -> Answer:
        if self.writer is None or self.reader is None:
            parts = urlsplit(self.base)
            self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        self.writer.write(raw)
        answer = parse(url, (await self.reader.readuntil(HEAD_END))[: -len(HEAD_END)])
        answer.body = await self._body(self.reader, answer.headers)
        if answer.headers.get("connection", "").lower() == "close":
            self.writer.close()
            self.writer = None
        return answer

    @staticmethod
    async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return await reader.readexactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:size]
        await reader.readline()
        return body

    def _keep(self, cookies: list[str]) -> None:
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            gone = not value or "max-age=0" in cookie.lower() or "01 jan 1970" in cookie.lower()
            self.jar.pop(name, None) if gone else self.jar.update({name: value})
