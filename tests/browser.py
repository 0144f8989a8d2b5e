"""What somebody does in a tab of a real browser, and what must not go wrong meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect

from accounts.models import Agent
from tests import people
from tests.browser_checks import check_structure
from twofactor.otp_mel.models import OtpMelDevice


class Tab:
    """A tab of somebody's browser, and what went wrong in it since it was last looked at."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bare = False  # without style sheets, as in a text browser: nothing to check but what is said
        self.requests: list[Request] = []
        self._document: Response | None = None
        self._refused: set[str] = set()  # addresses of documents that were a 4xx or a 5xx
        self._troubles: list[tuple[str, str]] = []  # what, and the address that it is about
        page.on("request", lambda request: self.requests.append(request))
        page.on("response", self._note_document)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self._troubles.append((f"page error: {error}", "")))

    def _note_document(self, response: Response) -> None:
        if response.request.is_navigation_request() and response.frame == self.page.main_frame:
            self._document = response
            if response.status >= 400:
                self._refused.add(response.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._troubles.append((f"console: {message.text}", message.location["url"]))

    @property
    def status(self) -> int:
        assert self._document is not None
        return self._document.status

    def troubles(self) -> list[str]:
        """What the console said since the last call, except that a document itself was a 4xx or a 5xx."""
        noted, self._troubles[:] = list(self._troubles), []
        return [
            f"{what} {address}" for what, address in noted
            if not ("Failed to load resource" in what and address in self._refused)
        ]  # fmt: skip

    def open(self, address: str) -> None:
        """An address of Cerbère, or a whole one."""
        self.page.goto(address)

    def press(self, name: str, role: Any = "button") -> None:
        """Press the button or follow the link of exactly this name, to the end of the redirects."""
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.press(name, "link")

    def is_on(self, title: str, status: int = 200) -> None:
        """This page is in front of the agent, answered so, and nothing on it is broken."""
        expect(self.page).to_have_title(title)
        self.page.wait_for_load_state()
        assert self.status == status, f"{title}: {self.status}"
        if not self.bare:
            troubles = self.troubles()
            assert not troubles, f"{title}: {troubles}"
            check_structure(self.page)

    def says(self, sentence: str) -> None:
        """The sentence is read on the page, spaces folded, in one piece."""
        expect(self.page.locator("body")).to_contain_text(sentence)

    def fill_in(self, label: str, value: str) -> None:
        self.page.get_by_label(label, exact=True).fill(value)

    def sign_in(self, username: str = "camille.durand", password: str = people.PASSWORD) -> None:
        self.fill_in("Identifiant (le même que pour votre courrielleur)", username)
        self.fill_in("Mot de passe", password)
        self.press("Connexion")

    def send_code(self, code: str, button: str = "Valider") -> None:
        self.fill_in("Code à 6 chiffres", code)
        self.press(button)

    def sign_in_with_code(self, username: str = "camille.durand", secret: str = people.CAMILLE_SECRET) -> None:
        """Two factors, on Cerbère's own pages."""
        self.open(f"/connexion/?{urlencode({'next': '/verification/'})}")
        self.sign_in(username)
        self.send_code(people.code(secret))


def code_of_the_next_period() -> str:
    """A code that is good although the one of this very moment has been burnt."""
    return people.code(steps=1)


def time_passes() -> None:
    """Long enough for every code shown so far to be gone: the phone's next code is good again."""
    OtpMelDevice.objects.update(last_step=-1, last_used_at=None, last_sid=None)


def ask(tab: Tab) -> None:
    """As an application of minimum two factors sends somebody."""
    tab.open(f"/oidc/authorize?{urlencode(people.authorization())}")


@dataclass(frozen=True)
class Stage:
    """What a state of a page is set up with; camille has a secret on the Bnum and no method here."""

    tab: Tab
    camille: Agent
    monkeypatch: pytest.MonkeyPatch


@dataclass(frozen=True)
class Picture:
    """A state of a page: how to reach it, and what must be seen. Its name is that of its pictures in artifacts/."""

    name: str
    reach: Callable[..., None]
    title: str
    status: int

    def __str__(self) -> str:
        return self.name


class Gallery(list[Picture]):
    def __init__(self, site: str) -> None:
        super().__init__()
        self.site = site

    def picture(self, title: str, status: int = 200) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Adds the state that the decorated function reaches, under its name."""

        def add(reach: Callable[..., None]) -> Callable[..., None]:
            self.append(Picture(reach.__name__.replace("_", "-"), reach, f"{title} – {self.site}", status))
            return reach

        return add

    def plain(self, name: str, address: str, title: str, status: int = 200) -> None:
        """Adds a page that only needs to be opened."""
        self.append(Picture(name, lambda stage: stage.tab.open(address), f"{title} – {self.site}", status))
