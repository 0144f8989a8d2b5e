"""An HTML page as somebody without JavaScript has it: its text, its links, its forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

SKIPPED = {"script", "style", "title"}


@dataclass
class Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: str = ""


@dataclass
class Link:
    href: str
    text: str = ""


class Page(HTMLParser):
    """`text` has its spaces folded; addresses are whole."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.response = response
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.refresh: str | None = None  # where the page itself leads, at once
        self._open: list[str] = []
        self._words: list[str] = []
        if "html" in response.headers.get("Content-Type", ""):
            self.feed(response.text)

    @property
    def url(self) -> str:
        return self.response.url

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def text(self) -> str:
        return " ".join("".join(self._words).split())

    def form(self, *names: str) -> Form:
        """Return the form that has all of these fields."""
        for form in self.forms:
            if set(names) <= set(form.fields):
                return form
        raise AssertionError(f"no form with {names} on {self}")

    def link(self, text: str) -> Link:
        for link in self.links:
            if text in " ".join(link.text.split()):
                return link
        raise AssertionError(f"no link « {text} » on {self}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._open.append(tag)
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.refresh = given["content"].partition("url=")[2]
        if tag == "form":
            method = given.get("method", "get").lower()
            self.forms.append(Form(method, urljoin(self.url, given.get("action") or self.url)))
        elif tag == "a" and "href" in given:
            self.links.append(Link(urljoin(self.url, given["href"])))
        elif tag == "input" and "name" in given and self.forms:
            self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]  # with those that have no end tag

    def handle_data(self, data: str) -> None:
        if not SKIPPED & set(self._open):
            self._words.append(data)
        if "a" in self._open and self.links:
            self.links[-1].text += data
        if "button" in self._open and self.forms:
            self.forms[-1].buttons += data

    def __str__(self) -> str:
        return f"{self.url} ({self.status}): {self.text[:800] or self.response.text[:800]}"
