"""PIAG, on mozilla-django-oidc, with this provider and without a browser (row R15); tests/browser go further."""

import pytest

from accounts.models import AgentSession
from tests.support import people
from tests.support.servers.live import piag_beside
from tests.support.worker import run_worker

CONNECTED = "Vous êtes connecté à PIAG avec deux facteurs."


@pytest.fixture(scope="module")
def _piag(live_server, tmp_path_factory):
    with piag_beside(live_server, tmp_path_factory.mktemp("piag")) as url:
        yield url


@pytest.fixture
def piag_url(issuer, _piag):
    people.make_client(
        redirect_uris=[f"{_piag}/oidc/callback/"],
        post_logout_redirect_uris=[f"{_piag}/"],
        backchannel_logout_uri=f"{_piag}/oidc/backchannel-logout/",
    )
    return _piag


def test_login_with_enrolment_then_single_sign_on_then_logout(agent, camille, piag_url):
    page = agent.enrol(agent.sign_in(agent.open(f"{piag_url}/assistant/")))
    assert CONNECTED in page.text
    del agent.cookies["piag_session"]
    assert CONNECTED in agent.open(f"{piag_url}/assistant/").text
    assert agent.went_through("/oidc/authorize")
    assert not agent.was_asked
    page = agent.open(f"{piag_url}/deconnexion/")
    page = agent.submit_form(page, next(form for form in page.forms if "Confirmer" in form.buttons))
    assert page.url.startswith(f"{piag_url}/?state=")
    assert AgentSession.objects.count() == 0
    agent.open(f"{piag_url}/assistant/")
    assert agent.went_through("/connexion/")


def test_agent_without_secret_on_the_bnum_never_gets_in(agent, sasha, piag_url):
    refusal = agent.sign_in(agent.open(f"{piag_url}/assistant/"), "sasha.petit")
    assert refusal.status == 403
    page = agent.follow(refusal, "Activer OTP Mél et continuer vers")
    assert not any("code" in form.fields for form in page.forms)
    assert CONNECTED not in agent.open(f"{piag_url}/assistant/").text


def test_sign_out_of_cerbere_is_told_by_the_back_channel(agent, camille, piag_url, issuer):
    agent.enrol(agent.sign_in(agent.open(f"{piag_url}/assistant/")))
    agent.sign_out(issuer)
    assert CONNECTED in agent.open(f"{piag_url}/assistant/").text
    run_worker()
    assert CONNECTED not in agent.open(f"{piag_url}/assistant/").text
