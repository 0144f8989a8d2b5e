"""Heads that Django cannot read: a page or an error of the protocol, never the server's own bare 500."""

import sys
from urllib.parse import urlencode

import pytest
import requests

from tests.support.people import CLIENT_SECRET, PASSWORD, login_form
from tests.support.servers.piag import running_piag

FORM = "application/x-www-form-urlencoded"
HOSTILE = [
    f"{FORM}; charset=\0",
    f"{FORM}; charset*=utf-8''%00",
    f"{FORM}; charset*=nonsense''%41",
    f"{FORM}; charset*=idna''%ff.",
    f"{FORM}; x*=nonsense''%41",
    f"{FORM}; x*=a; x*0=b",
    f"{FORM}; charset*=utf-8''utf-8",
    *(f"{FORM}; charset={name}" for name in ("nonsense", "idna", "rot13", "hex", "undefined", "punycode", "utf-7")),
    "multipart/form-data; boundary=b; charset=idna",
    "multipart/form-data; boundary=b; charset=rot13",
    "; charset=rot13",
]
OF_PEOPLE = ["/", "/connexion/", "/verification/", "/compte/", "/langue/", "/admin/", "/deconnexion/"]
OF_MACHINES = ["/oidc/token", "/oidc/revoke", "/oidc/introspect", "/oidc/par"]
PART = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\nx\r\n--b--\r\n'

pytestmark = pytest.mark.django_db


def send(browser, address, body, content_type):
    """Send the body as it is: WebTest would change one that is called multipart."""
    kind = {"Content-Type": content_type}
    return browser.request(address, method="POST", body=body, headers=kind, expect_errors=True)


@pytest.mark.parametrize("content_type", HOSTILE)
def test_a_form_that_is_not_utf_8_is_our_page(browser, content_type):
    browser.get("/connexion/")  # for the cookie, without which no form is read
    for address in OF_PEOPLE:
        page = send(browser, address, PART, content_type)
        assert page.status_int == 400, address
        assert "<h1>Demande incorrecte</h1>" in page.text
        assert page.headers["X-Request-ID"][:4].upper() in page.text


def test_a_part_whose_head_makes_no_sense_is_our_page(browser):
    browser.get("/connexion/")
    body = PART.replace(b'"username"', b'"username"; x*=a; x*0=b')
    read = sys.version_info >= (3, 14)  # which makes sense of it, and then the form lacks its token
    status, title = (403, "Page expirée") if read else (400, "Demande incorrecte")
    page = send(browser, "/connexion/", body, "multipart/form-data; boundary=b")
    assert (page.status_int, f"<h1>{title}</h1>" in page.text) == (status, True)


@pytest.mark.parametrize("content_type", HOSTILE)
def test_machines_are_told_in_their_own_way(browser, content_type):
    for address in OF_MACHINES:
        told = send(browser, address, b"grant_type=x", content_type)
        assert told.status_int in (400, 401), address
        assert told.json["error"] in ("invalid_request", "invalid_client", "unsupported_grant_type")
    assert send(browser, "/oidc/userinfo", b"x", content_type).status_int == 400


@pytest.mark.parametrize("content_type", HOSTILE)
def test_without_a_form_it_means_nothing(browser, content_type):
    """As for the answers that are given from memory."""
    kind = {"Content-Type": content_type}
    for address in ("/connexion/?next=/compte/%FF", "/oidc/userinfo?x=%FF", "/oidc/jwks", "/oidc/authorize?x=%FF"):
        told = browser.get(address, headers=kind, expect_errors=True)
        assert told.status == browser.get(address, expect_errors=True).status


@pytest.mark.parametrize("charset", ["", "; charset=UTF-8", '; charset="utf-8"'])
def test_utf_8_by_any_of_its_names_is_read(browser, camille, charset):
    form = login_form(browser.get("/connexion/"))
    form["username"], form["password"] = camille.uid, PASSWORD
    assert form.submit(headers={"Content-Type": FORM + charset}).status_int == 303


def test_a_token_request_may_name_what_its_ascii_is_part_of(browser, piag):
    """Old libraries of Java say ISO-8859-1 of all that they send."""
    fields = {"grant_type": "authorization_code", "code": "x", "client_id": "piag", "client_secret": CLIENT_SECRET}
    told = send(browser, "/oidc/token", urlencode(fields).encode(), f"{FORM}; charset=ISO-8859-1")
    assert told.json["error"] == "invalid_grant"


def test_piag_reads_one_kind_of_form_and_answers_with_its_page(tmp_path):
    with running_piag(tmp_path, "http://127.0.0.1:1", "piag", "secret") as piag:
        cookies = requests.get(piag.url, timeout=20).cookies
        for content_type in HOSTILE[1:]:  # the server refuses the first by itself
            kind = {"Content-Type": content_type}
            for address in ("/", "/oidc/connexion/", "/deconnexion/"):
                page = requests.post(piag.url + address, PART, headers=kind, cookies=cookies, timeout=20)
                assert (page.status_code, "<h1>Page expirée</h1>" in page.text) == (403, True)  # no token in it
            told = requests.post(f"{piag.url}/oidc/backchannel-logout/", b"x", headers=kind, timeout=20)
            assert (told.status_code, told.json()) == (400, {"error": "invalid_request"})
            assert requests.get(f"{piag.url}/?x=%FF", headers=kind, timeout=20).status_code == 200
