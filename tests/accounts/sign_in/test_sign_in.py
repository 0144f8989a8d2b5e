"""The login page: what it tells, what it refuses before any work, where it leads."""

import html
import re
import time
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client

from accounts.models import AgentSession, Mailbox
from accounts.sign_in.hashers import Argon2idHasher
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.audit import list_reasons
from tests.support.people import PASSWORD, Browser, login_form, make_agent

pytestmark = pytest.mark.django_db
WRONG = "L’identifiant ou le mot de passe est incorrect."
SESSION = "cerbere_session"


@pytest.fixture
def hashes(monkeypatch):
    """Return the names of the hash operations that have really run, in order."""
    ran = []
    for name in ("encode", "verify"):
        original = getattr(Argon2idHasher, name)
        monkeypatch.setattr(Argon2idHasher, name, lambda *a, _o=original, _n=name: ran.append(_n) or _o(*a))
    return ran


def page(response, typed):
    """Return the body without the parts that change from one display to the next."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", response.text)
    return text.replace(f'value="{typed}"', "")


REFUSED = [
    ("camille.durand", "not the password", "wrong_password"),
    ("nobody.here", PASSWORD, "unknown"),
    ("left.agent", PASSWORD, "inactive"),
    ("boite.service", PASSWORD, "inactive"),
    ("camille.durand.-.boite", PASSWORD, "unknown"),
    ("no.password", PASSWORD, "wrong_password"),
]


@pytest.mark.parametrize(("typed", "password", "reason"), REFUSED)
def test_l01_every_refusal_is_one_page_one_hash_and_one_event(camille, hashes, typed, password, reason):
    make_agent("left.agent", is_active=False)
    make_agent("boite.service", mailbox=Mailbox.SHARED)
    without = make_agent("no.password")
    without.set_unusable_password()
    without.save()
    model = Browser().sign_in("camille.durand", "some other wrong one")
    hashes.clear()
    AuditEvent.objects.all().purge_before(AuditEvent.objects.latest("at").at.replace(year=2100))
    refused = Browser().sign_in(typed, password)
    assert (refused.status_int, page(refused, typed)) == (model.status_int, page(model, "camille.durand"))
    assert sorted(refused.headers) == sorted(model.headers)
    assert WRONG in refused.text
    assert len(hashes) == 1
    assert list_reasons() == [reason]
    assert not AgentSession.objects.exists()


def test_l01_a_right_password_opens_the_account(browser, camille):
    account = browser.follow_inside(browser.sign_in())
    assert account.request.path == "/compte/"
    assert AuditEvent.objects.get(name=Event.SIGN_IN_ACCEPTED).agent == camille.uid


def test_l04_the_forgotten_password_page_asks_and_tells_nothing(browser, camille):
    pages = [browser.get(f"/mot-de-passe-oublie/{query}") for query in ("", "?user=camille.durand", "?user=nobody")]
    bodies = {re.sub(r'value="[^"]*"', "", page.text) for page in pages}
    assert len(bodies) == 1
    assert browser.post("/mot-de-passe-oublie/", {"username": camille.uid}, status="*").status_int in (403, 405)


SPELLINGS = ["camille.durand", "CAMILLE.DURAND", "  camille.durand ", "camille.durand@example.fr",
             "Camille.Durand@EXAMPLE.fr", "ｃａｍｉｌｌｅ．ｄｕｒａｎｄ", "camille.duraⓝd"]  # fmt: skip


def test_l06_all_spellings_are_one_counter(camille):
    answers = [Browser(f"192.0.2.{n}").sign_in(typed, "wrong") for n, typed in enumerate([*SPELLINGS, SPELLINGS[-1]])]
    assert [answer.status_int for answer in answers] == [200] * 7 + [429]


def test_l06_spellings_of_an_unknown_login_are_one_counter_too(db):
    typed = ["no.body", "NO.BODY", " no.body", "ｎｏ.body", "no.Body ", "No.Body", "no.body", "NO.body"]
    answers = [Browser(f"192.0.2.{n}").sign_in(login, "wrong") for n, login in enumerate(typed)]
    assert [answer.status_int for answer in answers] == [200] * 7 + [429]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_every_spelling_signs_in(browser, camille, typed):
    assert browser.sign_in(typed).status_int == 303


def token_of(client):
    text = client.get("/connexion/").content.decode()
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]


@pytest.mark.parametrize("attack", ["no_token", "other_origin", "null_origin", "json"])
def test_l09_a_post_of_another_site_signs_nobody_in(camille, attack):
    client = Client(enforce_csrf_checks=True, HTTP_HOST="localhost:8000")
    good = {"username": camille.uid, "password": PASSWORD, "csrfmiddlewaretoken": token_of(client)}
    origins = {"other_origin": "https://evil.test", "null_origin": "null"}
    extra = {"HTTP_ORIGIN": origins[attack]} if attack in origins else {}
    if attack == "no_token":
        del good["csrfmiddlewaretoken"]
    kind = {"content_type": "application/json"} if attack == "json" else {}
    answer = client.post("/connexion/", good, **kind, **extra)
    assert answer.status_code == 403
    assert "Page expirée" in answer.content.decode()
    assert SESSION not in answer.cookies
    assert not AgentSession.objects.exists()


def test_l09_the_same_post_with_its_token_signs_in(camille):
    client = Client(enforce_csrf_checks=True, HTTP_HOST="localhost:8000")
    good = {"username": camille.uid, "password": PASSWORD, "csrfmiddlewaretoken": token_of(client)}
    assert client.post("/connexion/", good, HTTP_ORIGIN="http://localhost:8000").status_code == 303


def test_l10_credentials_in_the_address_are_ignored(browser, camille, hashes):
    answer = browser.get("/connexion/", {"username": camille.uid, "password": PASSWORD})
    assert login_form(answer)["username"].value == ""
    assert hashes == []
    assert not AgentSession.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "camille.durand", "password": "x" * 1_000_000},
        {"username": "x" * 70_000, "password": PASSWORD},
        {f"f{n}": "1" for n in range(10_000)},
        {"username": "camille.durand", "password": f"{PASSWORD}\0"},
        {"username": "camille.durand\0", "password": PASSWORD},
    ],
    ids=["1MB password", "long name", "10 000 fields", "NUL in password", "NUL in name"],
)
def test_l15_monstrous_input_is_refused_without_a_hash(camille, hashes, fields):
    client = Client(enforce_csrf_checks=True, HTTP_HOST="localhost:8000")
    token = token_of(client)
    start = time.process_time()
    answer = client.post("/connexion/", {**fields, "csrfmiddlewaretoken": token})
    assert answer.status_code in (400, 413)
    assert time.process_time() - start < 0.5
    assert hashes == []
    assert not AgentSession.objects.exists()


def test_l15_a_password_too_long_to_be_one_is_refused_without_a_hash(browser, camille, hashes):
    answer = browser.sign_in(camille.uid, "x" * 257)
    assert answer.status_int == 200
    assert "256" in answer.text
    assert hashes == []


@pytest.mark.parametrize("left_out", ["username", "password"])
def test_an_empty_field_is_said_and_costs_no_hash(browser, camille, hashes, left_out):
    fields = {"username": camille.uid, "password": PASSWORD, left_out: ""}
    answer = browser.sign_in(fields["username"], fields["password"])
    assert "<title>Erreur – Connexion – Cerbère</title>" in answer.text
    assert f'href="#id_{left_out}"' in answer.text
    assert hashes == []


def test_a_refused_password_is_never_sent_back(browser, camille):
    answer = browser.sign_in(camille.uid, "a-password-to-look-for")
    assert "a-password-to-look-for" not in answer.text
    assert login_form(answer)["username"].value == camille.uid


def test_login_hint_fills_the_name_in_escaped(browser):
    hint = '"><script>alert(1)</script>'
    answer = browser.get("/connexion/", {"login_hint": hint})
    assert login_form(answer)["username"].value == hint
    assert "<script>alert" not in answer.text
    assert len(login_form(browser.get("/connexion/", {"login_hint": "a" * 5000}))["username"].value) == 254


def test_g03_the_form_suits_a_password_manager(browser):
    answer = browser.get("/connexion/")
    assert re.search(r'<input[^>]+name="username"[^>]+autocomplete="username"', answer.text)
    assert re.search(r'type="password"[^>]+name="password"[^>]+autocomplete="current-password"', answer.text)
    assert "onpaste" not in answer.text


OUTSIDE = [
    "https://evil.test/", "//evil.test/", "///evil.test", "/\\evil.test", "\\\\evil.test", "http:evil.test",
    "javascript:alert(1)", " //evil.test", "https:/evil.test", "evil.test", "//localhost:8000@evil.test",
    "http://localhost:8000.evil.test/", "data:text/html,x", "",
]  # fmt: skip


@pytest.mark.parametrize("target", OUTSIDE)
def test_next_outside_is_dropped(browser, target):
    assert "next" not in login_form(browser.get(f"/connexion/?next={quote(target)}")).fields


@pytest.mark.parametrize("target", ["/\r\nX-Evil: 1", "/%0d%0aX-Evil:%201"])
def test_next_inside_cannot_write_a_header(browser, camille, target):
    answer = browser.sign_in(page=browser.get(f"/connexion/?next={quote(target)}"))
    assert "X-Evil" not in answer.headers
    assert urlsplit(answer.location).netloc in ("", "localhost:8000")


@pytest.mark.parametrize("target", ["//evil.test/", "https://evil.test/", "/\\evil.test"])
def test_next_forged_into_the_form_leads_nowhere(browser, camille, target):
    form = login_form(browser.get("/connexion/?next=/aide/"))
    form["username"], form["password"], form["next"] = camille.uid, PASSWORD, target
    assert urlsplit(form.submit().location).path == "/compte/"


def test_next_inside_is_kept_with_its_query(browser, camille):
    shown = browser.get("/compte/mot-de-passe/?a=1&b=2").follow()
    again = browser.sign_in(password="wrong", page=shown)
    answer = browser.sign_in(page=again)
    assert html.unescape(answer.location).endswith("/compte/mot-de-passe/?a=1&b=2")
