"""What every answer carries, whatever the page and whatever was sent."""

import re

import pytest
from django.db.models import GenericIPAddressField
from django.test import Client, RequestFactory
from django.urls import path

from cerbere import urls
from cerbere.audit.context import get_ip_address
from tests.support.people import login_form

pytestmark = pytest.mark.django_db
HOST = "localhost:8000"


def crash(request):
    raise RuntimeError("a fault of ours")


class Urls:
    """The site's addresses and one that crashes."""

    urlpatterns = [path("crash", crash), *urls.urlpatterns]
    handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500


crash.login_required = False


@pytest.fixture
def client(settings):
    settings.ROOT_URLCONF = Urls
    return Client(enforce_csrf_checks=True, raise_request_exception=False, HTTP_HOST=HOST)


ANSWERS = {
    "home": (200, lambda c: c.get("/")),
    "login": (200, lambda c: c.get("/connexion/")),
    "redirect": (302, lambda c: c.get("/compte/")),
    "help": (200, lambda c: c.get("/aide/")),
    "healthz": (200, lambda c: c.get("/healthz")),
    "discovery": (200, lambda c: c.get("/.well-known/openid-configuration")),
    "bad host": (400, lambda c: c.get("/", HTTP_HOST="evil.test")),
    "too much": (400, lambda c: c.post("/connexion/", {"password": "x" * 70_000})),
    "csrf": (403, lambda c: c.post("/connexion/", {})),
    "not found": (404, lambda c: c.get("/nowhere")),
    "method": (405, lambda c: c.options("/connexion/")),
    "authorize error": (400, lambda c: c.get("/oidc/authorize?client_id=nobody")),
    "token error": (400, lambda c: c.post("/oidc/token", {})),
    "crash": (500, lambda c: c.get("/crash")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_h04_security_headers(client, name):
    status, ask = ANSWERS[name]
    answer = ask(client)
    assert answer.status_code in (status, 401)
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    is_page = answer["Content-Type"].startswith("text/html") and not answer.has_header("Location")
    assert policy.get("script-src") == policy.get("style-src") == ("'self'" if is_page else None)
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert not {"Server", "X-Powered-By", "Via", "Strict-Transport-Security"} & set(answer.headers)
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "discovery"])
def test_nothing_personal_is_kept_by_a_browser_or_a_proxy(client, name):
    cache = ANSWERS[name][1](client)["Cache-Control"]
    assert "no-store" in cache
    assert "private" in cache


PAGES = {
    "bad host": "Demande incorrecte", "too much": "Demande incorrecte", "csrf": "Page expirée",
    "not found": "Page introuvable", "crash": "Erreur inattendue",
}  # fmt: skip


@pytest.mark.parametrize(("name", "heading"), PAGES.items())
def test_errors_are_french_pages_with_the_reference_of_the_answer(client, name, heading):
    answer = ANSWERS[name][1](client)
    page = answer.content.decode()
    assert f"<h1>{heading}</h1>" in page
    assert f"<title>{heading} – Cerbère</title>" in page
    assert f"Erreur {answer.status_code}" in page
    assert '<html lang="fr"' in page
    shown = re.search(r"Référence : <strong>([0-9A-F]{4}-[0-9A-F]{4})</strong>", page)[1]
    assert shown.replace("-", "").lower() == answer["X-Request-ID"][:8]
    assert "Traceback" not in page
    assert "a fault of ours" not in page


def test_an_error_page_in_english(client):
    page = client.get("/nowhere", headers={"Accept-Language": "en"}).content.decode()
    assert "Page introuvable" not in page
    assert '<html lang="en"' in page


def test_a_forbidden_page_is_french_too(browser, camille):
    browser.sign_in()
    answer = browser.follow_inside(browser.get("/admin/"))
    assert answer.status_int == 403
    assert "<h1>Accès refusé</h1>" in answer.text
    assert answer.headers["X-Request-ID"][:4].upper() in answer.text


EVIL = {
    "HTTP_X_FORWARDED_HOST": "evil.test", "HTTP_FORWARDED": "host=evil.test;proto=https", "HTTP_X_HOST": "evil.test",
    "HTTP_X_FORWARDED_SERVER": "evil.test", "HTTP_X_ORIGINAL_URL": "/admin/", "HTTP_X_REWRITE_URL": "//evil.test",
    "HTTP_X_FORWARDED_PREFIX": "//evil.test", "HTTP_X_FORWARDED_PORT": "1", "HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE",
}  # fmt: skip


@pytest.mark.parametrize("address", ["/", "/compte/", "/connexion/", "/.well-known/openid-configuration"])
def test_h01_headers_that_name_another_host_are_ignored(address):
    answer = Client(HTTP_HOST=HOST).get(address, **EVIL)
    plain = Client(HTTP_HOST=HOST).get(address)
    assert answer.status_code == plain.status_code
    assert answer.get("Location") == plain.get("Location")
    assert "evil" not in str(answer.headers) + answer.content.decode()


@pytest.mark.parametrize(
    "host", ["evil.test", "localhost.evil.test", "localhost@evil.test", "", "localhost:80:80", "é"]
)
def test_h01_another_host_is_refused(host):
    assert Client(HTTP_HOST=host).get("/.well-known/openid-configuration").status_code == 400


def test_static_files_keep_their_type():
    answer = Client(HTTP_HOST=HOST).get("/static/cerbere/cerbere.js")
    assert answer["X-Content-Type-Options"] == "nosniff"
    answer.close()


def test_h01_healthz_answers_to_our_name_only():
    assert Client(HTTP_HOST="10.0.0.7").get("/healthz").status_code == 400


JUNK = ["a", "", ",", "1.2.3.4, ,", "1" * 10_000, "::ffff:1.2.3.4", "[::1]:80", "fe80::1%eth0",
        "fe80::1%" + "x" * 999, "1.2.3.4\t", "unknown", "é"]  # fmt: skip


@pytest.mark.parametrize("value", JUNK)
@pytest.mark.parametrize("proxies", [0, 1])
def test_h05_junk_in_x_forwarded_for_changes_nothing(settings, proxies, value):
    settings.TRUSTED_PROXIES = proxies
    junk = value.encode().decode("latin-1")
    assert Client(HTTP_HOST=HOST).get("/telephone-perdu/", HTTP_X_FORWARDED_FOR=junk).status_code == 200
    address = get_ip_address(RequestFactory().get("/", HTTP_X_FORWARDED_FOR=junk))
    GenericIPAddressField().clean(address, None)
    assert address in ("127.0.0.1", "1.2.3.4", "fe80::1")


HOSTILE = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "{% debug %}",
    "'\"><img src=x onerror=alert(1)>",
    "a\r\nX-Evil: 1",
    "\x1b[31m",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_h07_what_is_typed_comes_back_escaped(browser, value):
    answer = browser.sign_in(value, "wrong")
    assert login_form(answer)["username"].value.split() == value.split()
    for text in ("<script>alert", "<img src=x", "49"):
        assert text not in answer.text.replace(answer.headers["X-Request-ID"], "").split("<main")[1].split("csrf")[0]
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("value", HOSTILE)
def test_h07_what_a_query_says_is_escaped(value):
    names = ["login_hint", "next", "ui_locales", "sp_name", "error", "state"]
    answer = Client(HTTP_HOST=HOST).get("/connexion/", dict.fromkeys(names, value))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "CONNECT"])
@pytest.mark.parametrize("address", ["/", "/connexion/", "/aide/", "/oidc/jwks", "/healthz"])
def test_h09_other_methods_are_refused(address, method):
    answer = Client(enforce_csrf_checks=True, HTTP_HOST=HOST).generic(method, address)
    assert answer.status_code in (403, 405)
    if method in ("TRACE", "OPTIONS"):
        assert answer.status_code == 405


@pytest.mark.parametrize(
    "address",
    ["/.git/config", "/.env", "/static/../manage.py", "/static/%2e%2e/manage.py", "/static//etc/passwd", "/media/x",
     "/__debug__/", "/static/", "/cerbere.sqlite3", "/admin/doc/", "/server-status", "/robots.txt\0"],
)  # fmt: skip
def test_h09_nothing_else_is_served(address):
    answer = Client(HTTP_HOST=HOST).get(address)
    assert answer.status_code in (302, 404)
    if answer.status_code == 302:
        assert answer["Location"].startswith(("/connexion/", "/admin/login/"))
