"""mod_auth_openidc under Debian's apache2, in front of an application that knows no OpenID Connect (row R15)."""

import pytest
import requests

from accounts.models import AgentSession
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.models import LogoutNotice
from tests.clients.apache import running_apache
from tests.support import people
from tests.support.fakes.upstream import running_upstream
from tests.support.servers.programs import free_port
from tests.support.worker import run_worker
from twofactor.strength import Strength


@pytest.fixture(scope="module")
def _apache(live_server, tmp_path_factory):
    place = tmp_path_factory.mktemp("apache")
    with running_upstream() as application, running_apache(place, free_port(), live_server.url, application.url) as url:
        yield url


@pytest.fixture
def apache(issuer, _apache):
    """Yield Apache's URL, registered with a minimum of password; some of its pages require more."""
    people.make_client(
        "apache",
        Strength.PASSWORD,
        redirect_uris=[f"{_apache}/oidc/callback"],
        post_logout_redirect_uris=[f"{_apache}/goodbye"],
        backchannel_logout_uri=f"{_apache}/oidc/callback?logout=backchannel",
    )
    return _apache


def claims(page):
    """Return the claims about the agent that the module gives to the application."""
    shown = page.response.json()
    return {
        name.removeprefix("OIDC_CLAIM_"): value for name, value in shown["headers"] if name.startswith("OIDC_CLAIM")
    }


def test_login_then_step_up_with_enrolment_then_single_sign_on(agent, camille, apache):
    notes = claims(agent.sign_in(agent.open(f"{apache}/notes")))
    assert (notes["sub"], notes["acr"], notes["email"]) == (str(camille.uuid), "eidas1", "camille.durand@example.fr")
    refusal = agent.open(f"{apache}/assistant")
    assistant = claims(agent.enrol(refusal))
    assert (assistant["acr"], assistant["sub"], assistant["name"]) == ("eidas2", notes["sub"], "Camille Durand")
    for page in ("assistant", "notes"):
        assert claims(agent.open(f"{apache}/{page}"))["acr"] == "eidas2"
    del agent.cookies["mod_auth_openidc_session"]
    assert claims(agent.open(f"{apache}/assistant"))["acr"] == "eidas2"
    assert agent.went_through("/oidc/authorize")
    assert not agent.was_asked


def test_page_of_two_factors_leads_straight_through_login_and_enrolment(agent, camille, apache):
    page = agent.sign_in(agent.open(f"{apache}/assistant?question=42"))
    assistant = agent.enrol(page)
    assert assistant.url == f"{apache}/assistant?question=42"
    assert claims(assistant)["acr"] == "eidas2"


def test_prompt_none_without_session_then_with_it(agent, camille, apache):
    refused = agent.open(f"{apache}/silent")
    assert "OpenID Connect Provider error: login_required" in refused.text
    assert "OIDC_CLAIM_sub" not in refused.response.text
    agent.sign_in(agent.open(f"{apache}/notes"))
    del agent.cookies["mod_auth_openidc_session"]
    assert claims(agent.open(f"{apache}/silent"))["acr"] == "eidas1"
    assert not agent.was_asked


def test_a_level_that_cannot_be_reached_is_an_error(agent, camille, apache):
    refused = agent.open(f"{apache}/impossible")
    assert "OpenID Connect Provider error: unmet_authentication_requirements" in refused.text
    assert "OIDC_CLAIM_sub" not in refused.response.text


def test_logout_by_the_module_ends_the_session_of_cerbere(agent, camille, apache):
    agent.sign_in(agent.open(f"{apache}/notes"))
    assert agent.open(f"{apache}/oidc/callback", params={"logout": f"{apache}/goodbye"}).url == f"{apache}/goodbye"
    assert AgentSession.objects.count() == 0
    agent.open(f"{apache}/silent")
    assert agent.went_through("error=login_required")


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_sign_out_of_cerbere_is_told_by_the_back_channel(agent, camille, apache, issuer, alg):
    Client.objects.update(id_token_alg=alg)
    agent.sign_in(agent.open(f"{apache}/notes"))
    agent.sign_out(issuer)
    assert "sub" in claims(agent.open(f"{apache}/notes"))
    run_worker()
    assert LogoutNotice.objects.get().last_error == ""
    agent.open(f"{apache}/notes")
    assert agent.went_through("/connexion/")


def test_what_a_client_says_of_itself_does_not_reach_the_application(agent, camille, apache):
    agent.sign_in(agent.open(f"{apache}/notes"))
    page = agent.open(f"{apache}/notes", headers={"OIDC_CLAIM_acr": "eidas2", "OIDC-CLAIM-acr": "eidas2"})
    assert [value for name, value in page.response.json()["headers"] if "acr" in name] == ["eidas1"]


def test_nobody_gets_in_by_a_forged_logout_or_callback(agent, camille, apache):
    agent.sign_in(agent.open(f"{apache}/notes"))
    forged = requests.post(f"{apache}/oidc/callback?logout=backchannel", {"logout_token": "a.b.c"}, timeout=10)
    assert forged.status_code == 400
    assert agent.open(f"{apache}/oidc/callback?code=a&state=b").status == 400
    assert "sub" in claims(agent.open(f"{apache}/notes"))
