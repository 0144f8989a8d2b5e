"""Authlib's Starlette client, driven as Open WebUI drives it, in a process of its own (row R15).

It never looks at `acr`: what protects it is the minimum level of its registration.
"""

import json
import sys
from urllib.parse import urlencode

import pytest
import requests

from accounts.models import AgentSession
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.models import LogoutNotice
from tests.clients.processes import running_process
from tests.support import people
from tests.support.servers.programs import free_port
from tests.support.worker import run_worker
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel_as_admin
from twofactor.strength import Strength


@pytest.fixture(scope="module")
def _open_webui(live_server, tmp_path_factory):
    port = free_port()
    url = f"http://localhost:{port}"
    env = {
        "OPENID_PROVIDER_URL": f"{live_server.url}/.well-known/openid-configuration",
        "OPENID_REDIRECT_URI": f"{url}/oauth/oidc/callback",
        "OAUTH_CLIENT_ID": "open-webui",
        "OAUTH_CLIENT_SECRET": people.CLIENT_SECRET,
        "OAUTH_SCOPES": "openid profile email",
        "OAUTH_AUTHORIZE_PARAMS": json.dumps({"acr_values": "eidas2"}),
    }
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "tests.clients.open_webui:app"]
    with running_process(command, url, tmp_path_factory.mktemp("open-webui") / "log", **env):
        yield url


@pytest.fixture
def open_webui(issuer, _open_webui):
    """Yield its URL, registered with a minimum of two factors."""
    people.make_client(
        "open-webui",
        redirect_uris=[f"{_open_webui}/oauth/oidc/callback"],
        post_logout_redirect_uris=[f"{_open_webui}/goodbye"],
        backchannel_logout_uri=f"{_open_webui}/oauth/backchannel-logout",
    )
    return _open_webui


def start(agent, url, **parameters):
    return agent.open(f"{url}/oauth/oidc/login?{urlencode(parameters)}")


def known(agent, url):
    return agent.open(url).response.json()


def sign_in(agent, url):
    return agent.enrol(agent.sign_in(start(agent, url))).response.json()


def test_login_with_enrolment_gives_name_and_email_then_single_sign_on(agent, camille, open_webui):
    session = sign_in(agent, open_webui)
    assert (session["name"], session["email"]) == ("Camille Durand", "camille.durand@example.fr")
    assert session["sub"] == str(camille.uuid)
    assert (session["claims"]["acr"], session["claims"]["amr"]) == ("eidas2", ["pwd", "otp", "mfa"])
    again = start(agent, open_webui).response.json()
    assert not agent.was_asked
    assert again["claims"]["auth_time"] == session["claims"]["auth_time"]


def test_step_up_from_a_password_where_the_registration_lets_it(agent, camille, open_webui):
    Client.objects.update(minimum=Strength.PASSWORD)
    first = agent.sign_in(start(agent, open_webui, acr_values="eidas1")).response.json()["claims"]
    refusal = start(agent, open_webui)
    assert (first["acr"], refusal.status) == ("eidas1", 403)
    second = agent.enrol(refusal).response.json()["claims"]
    assert (second["acr"], second["sub"]) == ("eidas2", first["sub"])


@pytest.mark.parametrize("acr_values", ["eidas1", "", "unknown"])
def test_minimum_of_the_registration_binds_whatever_the_browser_asks(agent, camille, open_webui, acr_values):
    refusal = agent.sign_in(start(agent, open_webui, acr_values=acr_values))
    assert refusal.status == 403
    assert "error" in known(agent, open_webui)
    assert agent.enrol(start(agent, open_webui, acr_values=acr_values)).response.json()["claims"]["acr"] == "eidas2"


def test_agent_without_secret_on_the_bnum_never_gets_in(agent, sasha, open_webui):
    refusal = agent.sign_in(start(agent, open_webui), "sasha.petit")
    assert refusal.status == 403
    page = agent.follow(refusal, "Activer OTP Mél et continuer vers")
    assert "OTP Mél indisponible" in page.text
    assert not any("code" in form.fields for form in page.forms)
    assert "error" in known(agent, open_webui)


def test_prompt_none_is_an_error_until_there_is_a_session_of_the_level(agent, camille, open_webui):
    assert start(agent, open_webui, prompt="none").response.json() == {"error": "login_required"}
    agent.sign_in(start(agent, open_webui))
    assert start(agent, open_webui, prompt="none").response.json() == {"error": "interaction_required"}
    agent.enrol(start(agent, open_webui))
    assert start(agent, open_webui, prompt="none").response.json()["claims"]["acr"] == "eidas2"


def test_a_level_that_cannot_be_reached_is_an_error(agent, camille, open_webui):
    asked = json.dumps({"id_token": {"acr": {"essential": True, "value": "eidas3"}}})
    assert start(agent, open_webui, claims=asked).response.json() == {"error": "unmet_authentication_requirements"}


def test_logout_by_the_application_ends_the_session_of_cerbere(agent, camille, open_webui):
    sign_in(agent, open_webui)
    assert agent.open(f"{open_webui}/signout").response.json() == {"goodbye": True}
    assert start(agent, open_webui, prompt="none").response.json() == {"error": "login_required"}


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_sign_out_of_cerbere_is_told_by_the_back_channel(agent, camille, open_webui, issuer, alg):
    Client.objects.update(id_token_alg=alg)
    sign_in(agent, open_webui)
    agent.sign_out(issuer)
    assert AgentSession.objects.count() == 0
    assert "email" in known(agent, open_webui)
    run_worker()
    assert known(agent, open_webui) == {"error": "signed out"}
    assert LogoutNotice.objects.get().delivered_at is not None


def test_removal_of_the_method_is_told_by_the_back_channel(agent, camille, open_webui):
    sign_in(agent, open_webui)
    remove_otp_mel_as_admin(OtpMelDevice.objects.get(), people.make_agent("helpdesk"), "téléphone perdu")
    run_worker()
    assert known(agent, open_webui) == {"error": "signed out"}


def test_logout_tokens_of_somebody_else_change_nothing(agent, camille, open_webui):
    sign_in(agent, open_webui)
    id_token = known(agent, open_webui)["id_token"]
    for forged in (id_token, "a.b.c"):
        answer = requests.post(f"{open_webui}/oauth/backchannel-logout", {"logout_token": forged}, timeout=10)
        assert answer.status_code == 400
    assert "email" in known(agent, open_webui)
