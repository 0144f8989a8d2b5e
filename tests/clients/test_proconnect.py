"""A client shaped as ProConnect, for which Cerbère is an identity provider (row R15)."""

import pytest
import requests

from cerbere.provider.clients.models import Client
from tests.clients.proconnect import AFTER_LOGOUT, CALLBACK, ProConnect, RefusedError
from tests.support import people
from twofactor.strength import Strength

ESSENTIAL_1 = {"id_token": {"acr": {"essential": True, "values": ["eidas1"]}}}
ESSENTIAL_3 = {"id_token": {"acr": {"essential": True, "values": ["eidas3"]}}}


@pytest.fixture
def proconnect(issuer, agent):
    """Return ProConnect, registered without PKCE and with a minimum of password: it asks for two factors itself."""
    agent.stops_at = CALLBACK
    people.make_client(
        "proconnect",
        Strength.PASSWORD,
        name="ProConnect",
        pkce_required=False,
        redirect_uris=[CALLBACK],
        post_logout_redirect_uris=[AFTER_LOGOUT],
    )
    return ProConnect(issuer, people.CLIENT_SECRET)


def location(page):
    return page.response.headers["Location"]


def sign_in(agent, proconnect, **more):
    page = agent.open(proconnect.start(**more))
    return proconnect.finish(location(agent.enrol(agent.sign_in(page))))


def test_login_with_enrolment_then_single_sign_on(agent, camille, proconnect):
    _, claims = sign_in(agent, proconnect)
    assert (claims["sub"], claims["acr"], claims["amr"]) == (str(camille.uuid), "eidas2", ["pwd", "otp", "mfa"])
    _, again = proconnect.finish(location(agent.open(proconnect.start())))
    assert not agent.was_asked
    assert (again["sub"], again["acr"]) == (claims["sub"], "eidas2")


def test_login_then_step_up_with_enrolment(agent, camille, proconnect):
    _, first = proconnect.finish(location(agent.sign_in(agent.open(proconnect.start(ESSENTIAL_1)))))
    assert (first["acr"], first["amr"]) == ("eidas1", ["pwd"])
    refusal = agent.open(proconnect.start())
    assert refusal.status == 403
    _, second = proconnect.finish(location(agent.enrol(refusal)))
    assert (second["acr"], second["sub"], second["sid"]) == ("eidas2", first["sub"], first["sid"])


@pytest.mark.parametrize("alg", ["", "RS256", "ES256"])
def test_userinfo_in_json_or_signed_has_what_proconnect_demands(agent, camille, proconnect, alg):
    Client.objects.update(userinfo_alg=alg, id_token_alg=alg or "RS256")
    camille.phone_number = "+33123456789"
    camille.save()
    tokens, claims = sign_in(agent, proconnect)
    told = proconnect.userinfo(tokens["access_token"])
    assert {name: told[name] for name in ("sub", "uid", "given_name", "usual_name", "email", "siret")} == {
        "sub": claims["sub"],
        "uid": "camille.durand",
        "given_name": "Camille",
        "usual_name": "Durand",
        "email": "camille.durand@example.fr",
        "siret": "11006801200050",
    }
    assert (told["organizational_unit"], told["phone_number"]) == ("DNUM/MSP", "+33123456789")
    signed = {"iss": proconnect.issuer, "aud": "proconnect"}
    assert {name: told.get(name) for name in signed} == (signed if alg else {"iss": None, "aud": None})


def test_login_hint_prefills_the_form(agent, camille, proconnect):
    page = agent.open(proconnect.start(login_hint="camille.durand@example.fr", sp_name="Démarche de test"))
    assert page.form("username", "password").fields["username"] == "camille.durand@example.fr"
    refusal = agent.submit(page, password=people.PASSWORD)
    _, claims = proconnect.finish(location(agent.enrol(refusal)))
    assert claims["acr"] == "eidas2"


def test_level_that_cannot_be_reached_fails_before_anything_is_asked(agent, camille, proconnect):
    page = agent.open(proconnect.start(ESSENTIAL_3))
    assert not agent.was_asked
    with pytest.raises(RefusedError, match="unmet_authentication_requirements"):
        proconnect.finish(location(page))


def test_agent_without_secret_on_the_bnum_gets_no_token(agent, sasha, proconnect):
    refusal = agent.sign_in(agent.open(proconnect.start()), "sasha.petit")
    assert refusal.status == 403
    page = agent.follow(refusal, "Activer OTP Mél et continuer vers")
    assert not any("code" in form.fields for form in page.forms)
    with pytest.raises(RefusedError, match="interaction_required"):
        proconnect.finish(location(agent.open(proconnect.start(prompt="none"))))


def test_prompt_none_without_session_then_with_it(agent, camille, proconnect):
    with pytest.raises(RefusedError, match="login_required"):
        proconnect.finish(location(agent.open(proconnect.start(prompt="none"))))
    sign_in(agent, proconnect)
    assert proconnect.finish(location(agent.open(proconnect.start(prompt="none"))))[1]["acr"] == "eidas2"


def test_logout_ends_the_session_and_the_tokens_and_comes_back(agent, camille, proconnect):
    tokens, _ = sign_in(agent, proconnect)
    agent.stops_at = AFTER_LOGOUT
    page = agent.open(proconnect.log_out(tokens["id_token"]))
    assert location(page) == f"{AFTER_LOGOUT}?state={proconnect.asked['state']}"
    with pytest.raises(requests.HTTPError, match="401"):
        proconnect.userinfo(tokens["access_token"])
    agent.stops_at = CALLBACK
    with pytest.raises(RefusedError, match="login_required"):
        proconnect.finish(location(agent.open(proconnect.start(prompt="none"))))


def test_code_serves_once(agent, camille, proconnect):
    page = agent.enrol(agent.sign_in(agent.open(proconnect.start())))
    tokens, _ = proconnect.finish(location(page))
    with pytest.raises(requests.HTTPError, match="400"):
        proconnect.finish(location(page))
    with pytest.raises(requests.HTTPError, match="401"):
        proconnect.userinfo(tokens["access_token"])
