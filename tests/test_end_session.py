"""RP-initiated logout: nobody is signed out unawares, nobody is sent where a client has not registered."""

import pytest
from django.test import Client as RawClient

from accounts.models import AgentSession
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client
from tests.people import AFTER_LOGOUT, Browser, answer

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(browser, camille):
    browser.sign_in()
    return browser


@pytest.fixture
def hint(signed_in, wiki):
    return signed_in.token(answer(signed_in.authorize("wiki"))["code"], "wiki").json["id_token"]


def alive():
    return AgentSession.objects.filter(agent__isnull=False).exists()


def end(browser, **parameters):
    return browser.get("/oidc/logout", parameters, expect_errors=True)


def test_x01_a_hint_and_a_registered_address_end_the_session_and_lead_back(signed_in, hint):
    response = end(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT, state="a b&c")
    assert response.location == f"{AFTER_LOGOUT}?state=a+b%26c"
    assert not alive()
    assert AuditEvent.objects.filter(name="logout:by_client", agent="camille.durand", client_id="wiki").exists()


def test_x01_by_post_too(signed_in, hint):
    fields = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER_LOGOUT}
    response = signed_in.follow_inside(signed_in.post("/oidc/logout", fields))
    assert response.location == AFTER_LOGOUT
    assert not alive()


def test_without_an_address_the_agent_sees_that_it_is_done(signed_in, hint):
    page = signed_in.follow_inside(end(signed_in, id_token_hint=hint))
    assert "Vous êtes déconnecté" in page.text
    assert not alive()


@pytest.mark.parametrize("parameters", [{}, {"state": "x"}, {"post_logout_redirect_uri": AFTER_LOGOUT}])
def test_x03_without_a_hint_the_agent_is_asked_and_led_nowhere(signed_in, wiki, parameters):
    page = end(signed_in, **parameters)
    assert page.status_int == 200
    assert alive()
    confirm = next(form for form in page.forms.values() if form.action == "/oidc/logout/confirmer")
    assert "Vous êtes déconnecté" in signed_in.follow_inside(confirm.submit()).text
    assert not alive()


def test_x03_the_confirmation_needs_the_forms_own_token(signed_in, hint):
    raw = RawClient(enforce_csrf_checks=True)
    raw.cookies["cerbere_session"] = signed_in.cookies["cerbere_session"]
    assert raw.post("/oidc/logout/confirmer", {"id_token_hint": hint}).status_code == 403
    assert alive()


def test_x04_the_hint_of_somebody_else_asks_first(hint, dominique):
    other = Browser()
    other.sign_in("dominique.morel")
    page = end(other, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert "Voulez-vous vous déconnecter" in page.text
    assert AgentSession.objects.filter(agent=dominique).exists()
    assert "form-action 'self' https://piag.example.fr" in page.headers["Content-Security-Policy"]


def test_x05_other_agents_and_browsers_stay_signed_in(signed_in, hint, dominique):
    other, second = Browser(), Browser()
    other.sign_in("dominique.morel")
    second.sign_in()
    end(signed_in, id_token_hint=hint)
    assert other.get("/compte/").status_int == second.get("/compte/").status_int == 200


@pytest.mark.parametrize(
    "address", [AFTER_LOGOUT + "?x=1", AFTER_LOGOUT + "x", "https://evil.test/", "javascript:alert(1)"]
)
def test_an_address_that_is_not_registered_is_refused_and_nothing_ends(signed_in, hint, address):
    response = end(signed_in, id_token_hint=hint, post_logout_redirect_uri=address)
    assert (response.status_int, "Location" in response.headers) == (400, False)
    assert alive()


def test_a_hint_that_is_not_ours_is_refused(signed_in, hint):
    head, payload, signature = hint.split(".")
    for bad in ("x", f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{payload}."):
        assert end(signed_in, id_token_hint=bad, post_logout_redirect_uri=AFTER_LOGOUT).status_int == 400
    assert alive()


def test_the_hint_of_a_disabled_client_ends_nothing_unasked(signed_in, hint):
    Client.objects.filter(client_id="wiki").update(enabled=False)
    end(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT)
    assert alive()


def test_a_hint_for_another_client_id_is_refused(signed_in, hint):
    assert end(signed_in, id_token_hint=hint, client_id="piag").status_int == 400


def test_signed_out_already_it_simply_leads_back(hint):
    assert end(Browser(), id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT).location == AFTER_LOGOUT
