"""What somebody does in a tab of a real browser, and what must not go wrong meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, Response, expect

from accounts.models import Agent
from tests.support import people
from tests.support.browser.checks import check_structure
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

    def take_troubles(self) -> list[str]:
        """Return the console's messages since the last call, without those about a document's own 4xx or 5xx."""
        noted, self._troubles[:] = list(self._troubles), []
        return [
            f"{what} {address}" for what, address in noted
            if not ("Failed to load resource" in what and address in self._refused)
        ]  # fmt: skip

    def open(self, address: str) -> None:
        """Open a path of Cerbère, or a full URL."""
        self.page.goto(address)

    def press(self, name: str, role: Any = "button") -> None:
        """Press the button or follow the link of exactly this name, to the end of the redirects."""
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.press(name, "link")

    def is_on(self, title: str, status: int = 200) -> None:
        """Check that the page has this title and status, and that nothing on it is broken."""
        expect(self.page).to_have_title(title)
        self.page.wait_for_load_state()
        assert self.status == status, f"{title}: {self.status}"
        if not self.bare:
            troubles = self.take_troubles()
            assert not troubles, f"{title}: {troubles}"
            check_structure(self.page)

    def check_text(self, sentence: str) -> None:
        """Check that the page shows this sentence, spaces folded."""
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
        """Sign in at two factors on Cerbère's own pages."""
        self.open(f"/connexion/?{urlencode({'next': '/verification/'})}")
        self.sign_in(username)
        self.send_code(people.code(secret))


def make_next_code() -> str:
    """Return the next period's code, which is good although the present one is burnt."""
    return people.code(steps=1)


def time_passes() -> None:
    """Move time on until every code shown so far is out of date, so that the next one is good again."""
    OtpMelDevice.objects.update(last_step=-1, last_used_at=None, last_sid=None)


def ask(tab: Tab) -> None:
    """Open an authorization request of an application of minimum two factors."""
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
        """Return a decorator that adds the state which the function reaches, under the function's name."""

        def add(reach: Callable[..., None]) -> Callable[..., None]:
            self.append(Picture(reach.__name__.replace("_", "-"), reach, f"{title} – {self.site}", status))
            return reach

        return add

    def plain(self, name: str, address: str, title: str, status: int = 200) -> None:
        """Add a page that only needs to be opened."""
        self.append(Picture(name, lambda stage: stage.tab.open(address), f"{title} – {self.site}", status))
