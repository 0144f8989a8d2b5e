"""The suite's people and applications, always with the same meaning, and what they do in a browser.

camille.durand    an agent with a secret on the Bnum, nothing on Cerbère yet
sasha.petit       an agent without a secret on the Bnum
dominique.morel   another agent with another secret on the Bnum
helpdesk          staff, not superuser; chief: superuser
"""

import base64
import hashlib
import html
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.contrib.auth.hashers import make_password
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections
from django.utils import timezone
from webtest import TestApp, TestResponse

from accounts.models import Agent
from cerbere.provider.clients.models import Client
from cerbere.wsgi import application
from twofactor.codes import compute_code, get_step
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.strength import Strength

NOW = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)  # a moment of the tests that travel in time
PASSWORD = "correct cheval pile agrafe"
CAMILLE_SECRET = "12345678901234567890"
CAMILLE_BASE32 = base64.b32encode(CAMILLE_SECRET.encode()).decode()
DOMINIQUE_SECRET = "abcdefghijklmnopqrst"
CALLBACK = "https://piag.example.fr/oidc/callback/"
AFTER_LOGOUT = "https://piag.example.fr/"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CLIENT_SECRET = "the-secret-of-this-client-in-tests"
DYNALOGIN = """CREATE TABLE IF NOT EXISTS dynalogin_user (
    id INTEGER PRIMARY KEY, userid VARCHAR(32) UNIQUE, scheme VARCHAR(8), secret VARCHAR(32), counter INTEGER,
    failure_count INTEGER, locked INTEGER, last_success TIMESTAMP, last_attempt TIMESTAMP, last_code VARCHAR(8),
    password VARCHAR(32))"""


@cache
def password_hash(password: str) -> str:
    return make_password(password)


def make_agent(uid: str = "camille.durand", password: str = PASSWORD, **fields: Any) -> Agent:
    first, _, last = uid.partition(".")
    defaults = {
        "email": f"{uid}@example.fr", "given_name": first.capitalize(), "family_name": last.capitalize() or "Chef",
        "organizational_unit": "DNUM/MSP", "siret": "11006801200050", "password": password_hash(password),
    }  # fmt: skip
    return Agent.objects.create(uid=uid, **defaults | fields)


def put_on_bnum(
    uid: str, secret: str = CAMILLE_SECRET, scheme: str = "TOTP", locked: int = 0, password: str = ""
) -> None:
    """Add or replace the agent's row in dynalogin's table."""
    with connections["bnum"].cursor() as cursor:
        cursor.execute("DELETE FROM dynalogin_user WHERE userid = %s", [uid])
        cursor.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM dynalogin_user")
        number = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO dynalogin_user (id, userid, scheme, secret, counter, failure_count, locked, password) "
            "VALUES (%s, %s, %s, %s, 0, 0, %s, %s)",
            [number, uid, scheme, secret, locked, password],
        )


def code(secret: str = CAMILLE_SECRET, steps: int = 0, at: datetime | None = None) -> str:
    """Return the code that the phone shows, `steps` periods of 30 s away from now."""
    return compute_code(secret.encode(), get_step(at or timezone.now()) + steps)


def wrong_code(secret: str = CAMILLE_SECRET) -> str:
    """Return six digits that no step of the coming or past quarter of an hour shows."""
    step = get_step(timezone.now())
    near = {compute_code(secret.encode(), step + n) for n in range(-40, 41)}
    return next(f"{n:06}" for n in range(1_000_000) if f"{n:06}" not in near)


def activate_otp_mel(agent: Agent, secret: str = CAMILLE_SECRET) -> OtpMelDevice:
    """Activate the method as an enrolment of some time ago does: no step is burnt."""
    device = OtpMelDevice(user=agent)
    device.set_seed(secret.encode())
    device.confirm(timezone.now())
    return device


def make_client(client_id: str = "piag", minimum: Strength = Strength.TWO_FACTOR, **fields: Any) -> Client:
    defaults = {"name": client_id.upper(), "redirect_uris": [CALLBACK], "post_logout_redirect_uris": [AFTER_LOGOUT]}
    client = Client(client_id=client_id, minimum=minimum, **defaults | fields)
    client.secret_digest = hashlib.sha256(CLIENT_SECRET.encode()).hexdigest()
    client.save()
    return client


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization(client_id: str = "piag", **parameters: str | None) -> dict[str, str]:
    """Return the parameters of a sound authorization request; None removes one."""
    usual: dict[str, str | None] = {
        "client_id": client_id, "redirect_uri": CALLBACK, "response_type": "code",
        "scope": "openid profile email", "state": "a-state", "nonce": "a-nonce",
        "code_challenge": challenge(), "code_challenge_method": "S256",
    }  # fmt: skip
    return {name: value for name, value in (usual | parameters).items() if value is not None}


def keep_connection() -> None:
    """Prevent requests from closing the connection, which holds the test's transaction, as django.test.Client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)


class Browser(TestApp):
    """A browser with its own cookies, on the real application: real forms, real CSRF tokens, real redirects."""

    def __init__(self, address: str = "192.0.2.10") -> None:
        environ = {"REMOTE_ADDR": address, "HTTP_HOST": "localhost:8000", "HTTP_USER_AGENT": "Firefox/140.0 Linux"}
        super().__init__(application, extra_environ=environ)

    def do_request(self, *args: Any, **kwargs: Any) -> TestResponse:
        keep_connection()
        return super().do_request(*args, **kwargs)

    def sign_in(
        self, username: str = "camille.durand", password: str = PASSWORD, page: TestResponse | None = None
    ) -> TestResponse:
        """Fill in the login page (this one, or the portal's own) and send it; any answer is returned."""
        form = login_form(page or self.get("/connexion/"))
        form["username"], form["password"] = username, password
        return form.submit(expect_errors=True)

    def send_code(self, page: TestResponse | str, code: str) -> TestResponse:
        """Fill in the code page at this address, or this very page."""
        form = code_form(self.get(page) if isinstance(page, str) else page)
        form["code"] = code
        return form.submit(expect_errors=True)

    def enrol(self, secret: str = CAMILLE_SECRET) -> TestResponse:
        return self.send_code("/compte/deux-facteurs/otp-mel/", code(secret))

    def authorize(self, client_id: str = "piag", **parameters: str | None) -> TestResponse:
        return self.get(f"/oidc/authorize?{urlencode(authorization(client_id, **parameters))}", expect_errors=True)

    def follow_inside(self, response: TestResponse) -> TestResponse:
        """Follow redirects as long as they stay on Cerbère."""
        while response.status_int in (302, 303) and not is_outside(response):
            response = self.get(urlsplit(response.location)._replace(scheme="", netloc="").geturl(), expect_errors=True)
        return response

    def token(self, code: str | None, client_id: str = "piag", **fields: str | None) -> TestResponse:
        """Redeem a code as this client would, by client_secret_post."""
        usual: dict[str, str | None] = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client_id,
            "client_secret": CLIENT_SECRET, "code_verifier": VERIFIER,
        }  # fmt: skip
        body = {name: value for name, value in (usual | fields).items() if value is not None}
        return self.post("/oidc/token", body, expect_errors=True)


def login_form(page: TestResponse) -> Any:
    return next(form for form in page.forms.values() if "password" in form.fields)


def code_form(page: TestResponse) -> Any:
    return next(form for form in page.forms.values() if "code" in form.fields)


def is_outside(response: TestResponse) -> bool:
    return urlsplit(response.location).netloc not in ("", "localhost:8000")


def answer(response: TestResponse) -> dict[str, str]:
    """Return the parameters of an authorization response, which must go to the application."""
    assert response.status_int in (302, 303), response.status
    assert response.location.startswith(CALLBACK), response.location
    return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


def userinfo(browser: Browser, access_token: str, **options: Any) -> TestResponse:
    header = {"Authorization": f"Bearer {access_token}"}
    return browser.get("/oidc/userinfo", headers=header, expect_errors=True, **options)


def session() -> Browser:
    """Return another browser of Camille's, signed in with her password."""
    browser = Browser()
    browser.sign_in()
    return browser


def copy_browser(browser: Browser) -> Browser:
    """Return another browser with the cookies that this one has at this moment."""
    twin = Browser()
    for name, value in browser.cookies.items():
        twin.set_cookie(name, value)
    return twin


def is_two_factor(browser: Browser) -> bool:
    account = browser.get("/compte/")
    return account.status_int == 200 and "Ouverte avec deux facteurs" in account.text


def device(uid: str = "camille.durand") -> OtpMelDevice:
    """Return the agent's OTP Mél as it stands in the database."""
    return OtpMelDevice.objects.get(user__uid=uid)


def text(response: TestResponse) -> str:
    """Return the page with its entities read and its spaces folded."""
    return " ".join(html.unescape(response.text).split())
