"""The site as it runs behind a proxy that ends TLS: the settings module itself, read with such an environment."""

import runpy

import pytest
from django.test import Client

from accounts import attempts
from accounts.models import AgentSession
from cerbere.audit.models import AuditEvent
from tests.support.paths import ROOT
from tests.support.people import PASSWORD

pytestmark = pytest.mark.django_db
SETTINGS = ROOT / "cerbere" / "settings.py"
HOST = "cerbere.example.fr"
READ_AGAIN = ("COOKIE", "SECURE_", "PUBLIC_URL", "HTTPS", "ALLOWED_HOSTS", "TRUSTED_PROXIES")


@pytest.fixture
def https(settings, monkeypatch):
    monkeypatch.setenv("CERBERE_PUBLIC_URL", f"https://{HOST}")
    monkeypatch.setenv("CERBERE_TRUSTED_PROXIES", "1")
    for name, value in runpy.run_path(str(SETTINGS)).items():
        if any(part in name for part in READ_AGAIN):
            setattr(settings, name, value)


def client(address="198.51.100.7", proto="https"):
    """Return a browser at this IP address, behind the proxy."""
    headers = {"HTTP_X_FORWARDED_FOR": address, "HTTP_X_FORWARDED_PROTO": proto, "HTTP_REFERER": f"https://{HOST}/"}
    return Client(enforce_csrf_checks=True, HTTP_HOST=HOST, **headers)


def sign_in(browser, uid="camille.durand", password=PASSWORD):
    browser.get("/connexion/")
    token = browser.cookies["__Host-cerbere_csrf"].value
    return browser.post("/connexion/", {"username": uid, "password": password, "csrfmiddlewaretoken": token})


def test_c01_every_cookie_is_bound_to_this_host_and_to_tls(https, camille, wiki):
    browser = client()
    browser.get("/oidc/authorize", {"client_id": "wiki", "redirect_uri": wiki.redirect_uris[0], "response_type": "code",
                                    "scope": "openid", "code_challenge": "x" * 43, "code_challenge_method": "S256",
                                    "ui_locales": "en"})  # fmt: skip
    assert sign_in(browser).status_code == 303
    names = {"session", "csrf", "navigateur", "demande", "langue"}
    assert set(browser.cookies) == {f"__Host-cerbere_{name}" for name in names}
    for morsel in browser.cookies.values():
        assert morsel["secure"]
        assert morsel["httponly"]
        assert morsel["samesite"] == "Lax"
        assert morsel["path"] == "/"
        assert not morsel["domain"]
        assert len(morsel.OutputString()) < 4096
    assert browser.get("/compte/").status_code == 200


def test_h04_hsts_for_two_years(https):
    assert client().get("/")["Strict-Transport-Security"] == "max-age=63072000"
    assert client().get("/nowhere")["Strict-Transport-Security"] == "max-age=63072000"


def test_h02_a_client_that_says_http_downgrades_nothing(https, camille):
    answer = client(proto="http").get("/compte/")
    assert answer["Location"].startswith("/connexion/")
    assert "http://" not in client(proto="http").get("/.well-known/openid-configuration").content.decode()
    browser = client()
    sign_in(browser)
    assert browser.cookies["__Host-cerbere_session"]["secure"]


def test_h05_the_address_is_the_one_that_the_proxy_wrote(https, camille):
    assert sign_in(client("6.6.6.6, 198.51.100.7")).status_code == 303
    assert AgentSession.objects.get().address == "198.51.100.7"
    assert AuditEvent.objects.get().address == "198.51.100.7"


def test_h06_what_a_client_writes_left_of_the_proxy_is_not_another_source(https, monkeypatch):
    monkeypatch.setattr(
        attempts, "SOURCE_LIMIT", attempts.Limit(3, attempts.SOURCE_LIMIT.wait, attempts.SOURCE_LIMIT.memory)
    )
    tries = [sign_in(client(f"6.6.6.{n}, 198.51.100.7"), f"nobody.{n}", "wrong").status_code for n in range(4)]
    assert tries == [200] * 3 + [429]
    assert sign_in(client("6.6.6.1, 198.51.100.8"), "nobody.else", "wrong").status_code == 200


@pytest.mark.parametrize("referer", ["https://evil.test/", "http://cerbere.example.fr/", ""])
def test_l09_a_foreign_referer_is_refused(https, camille, referer):
    browser = client()
    browser.get("/connexion/")
    fields = {"username": "camille.durand", "password": PASSWORD,
              "csrfmiddlewaretoken": browser.cookies["__Host-cerbere_csrf"].value}  # fmt: skip
    assert browser.post("/connexion/", fields, HTTP_REFERER=referer).status_code == 403
