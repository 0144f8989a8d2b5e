"""Somebody in front of a browser without JavaScript, on real sockets: one cookie jar, redirects, links and forms.

Cookies are not separated by port, as in a browser: what Cerbère and an application on `localhost` both set would
collide, so their names differ. SameSite is not looked at; all ports of one host are one site anyway.
"""

from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.clients.page import Form, Page
from tests.support import people

TIMEOUT = 20  # seconds


class Agent(requests.Session):
    """`visited` are the addresses of the last step, redirects included; it does not go to `stops_at`."""

    def __init__(self, stops_at: str = "") -> None:
        super().__init__()
        self.trust_env = False  # no proxy, no .netrc
        self.headers["Accept-Language"] = "fr"
        self.stops_at = stops_at
        self.visited: list[str] = []

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        return None if self.stops_at and (target or "").startswith(self.stops_at) else target

    def open(self, address: str, **options: Any) -> Page:
        self.visited = []
        page = self._arrive(self.get(address, timeout=TIMEOUT, **options))
        while page.refresh:
            page = self._arrive(self.get(page.refresh, timeout=TIMEOUT))
        return page

    def _arrive(self, response: requests.Response) -> Page:
        self.visited += [step.url for step in (*response.history, response)]
        return Page(response)

    def follow(self, page: Page, text: str) -> Page:
        return self.open(page.link(text).href)

    def submit(self, page: Page, **values: str) -> Page:
        """Fill in the form that has these fields, and send it as a browser does."""
        return self.submit_form(page, page.form(*values), **values)

    def submit_form(self, page: Page, form: Form, **values: str) -> Page:
        self.visited = []
        data = form.fields | values
        if form.method != "post":
            return self._arrive(self.get(form.action, params=data, timeout=TIMEOUT))
        headers = {"Origin": origin_of(page.url) if origin_of(form.action) == origin_of(page.url) else "null"}
        return self._arrive(self.post(form.action, data, headers=headers, timeout=TIMEOUT))

    # --- What an agent does on Cerbère -------------------------------------------------------------

    def sign_in(self, page: Page, username: str = "camille.durand", password: str = people.PASSWORD) -> Page:
        return self.submit(page, username=username, password=password)

    def enrol(self, page: Page, secret: str = people.CAMILLE_SECRET) -> Page:
        """Activate OTP Mél from the refusal page, and continue to the application."""
        assert page.status == 403, page
        assert "authentification trop faible" in page.text, page
        code_page = self.follow(page, "Activer OTP Mél et continuer vers")
        done = self.submit(code_page, code=people.code(secret))
        assert "Authentification 2 facteurs activée avec succès" in done.text, done
        return self.follow(done, "Continuer vers")

    def sign_out(self, issuer: str) -> Page:
        account = self.open(f"{issuer}/compte/")
        return self.submit_form(account, next(form for form in account.forms if form.action.endswith("/deconnexion/")))

    # --- How the last step went --------------------------------------------------------------------

    def went_through(self, part: str) -> bool:
        return any(part in address for address in self.visited)

    @property
    def was_asked(self) -> bool:
        """Tell whether Cerbère asked the agent for anything in the last step."""
        return any(self.went_through(path) for path in ("/connexion/", "/verification/", "/deux-facteurs/"))

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
