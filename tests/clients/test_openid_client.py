"""openid-client (npm), unmodified and in a process of its own, against Cerbère (row R15)."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from cerbere.provider.clients.models import Client
from tests.clients.processes import running_process
from tests.support import people
from tests.support.servers.programs import find_program, free_port
from twofactor.strength import Strength

PLACE = Path(__file__).parent / "openid_client"
ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "values": ["eidas3"]}}})
REGISTRATIONS = ["post", "basic", "key"]


@pytest.fixture(scope="module")
def _rp(live_server, tmp_path_factory):
    port = free_port()
    if not (PLACE / "node_modules/openid-client").is_dir():
        pytest.fail(f"openid-client is missing: npm ci --prefix {PLACE}, or run make test, which does", pytrace=False)
    command = [find_program("node", "nodejs, 20 or later"), str(PLACE / "rp.mjs")]
    log = tmp_path_factory.mktemp("openid-client") / "log"
    env = {"ISSUER": live_server.url, "PORT": str(port), "CLIENT_SECRET": people.CLIENT_SECRET}
    with running_process(command, f"http://localhost:{port}", log, **env):
        yield f"http://localhost:{port}"


@pytest.fixture
def rp(issuer, _rp):
    """Yield the URL of the relying party, with the registrations of rp.mjs."""
    for name in REGISTRATIONS:
        addresses = {
            "redirect_uris": [f"{_rp}/{name}/callback"],
            "post_logout_redirect_uris": [f"{_rp}/{name}/goodbye"],
        }
        people.make_client(f"rp-{name}", Strength.PASSWORD, refresh_tokens=True, may_introspect=True, **addresses)
    Client.objects.filter(client_id="rp-key").update(
        jwks=requests.get(f"{_rp}/key/jwks", timeout=5).json(), id_token_alg="ES256", userinfo_alg="ES256"
    )
    return _rp


def start(agent, rp, name="post", **parameters):
    return agent.open(f"{rp}/{name}/login?{urlencode(parameters)}")


def end(agent, page):
    """Return the page of the application as JSON, after Cerbère's form_post page if there is one."""
    if page.forms and "/callback" in page.forms[-1].action:
        page = agent.submit_form(page, page.forms[-1])
    return page.response.json()


def use(agent, rp, page):
    return agent.open(f"{rp}/post/{page}").response.json()


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_login_then_step_up_with_enrolment_then_single_sign_on(agent, camille, rp, name):
    known = end(agent, agent.sign_in(start(agent, rp, name)))
    claims = known["claims"]
    assert (claims["sub"], claims["acr"], claims["amr"]) == (str(camille.uuid), "eidas1", ["pwd"])
    assert known["userinfo"]["email"] == "camille.durand@example.fr"
    assert known["userinfo"]["name"] == "Camille Durand"
    raised = end(agent, agent.enrol(start(agent, rp, name, acr_values="eidas2")))["claims"]
    assert (raised["acr"], raised["amr"]) == ("eidas2", ["pwd", "otp", "mfa"])
    assert raised["sid"] == claims["sid"]
    again = end(agent, start(agent, rp, name, acr_values="eidas2", max_age="300"))
    assert not agent.was_asked
    assert (again["claims"]["acr"], again["claims"]["auth_time"]) == ("eidas2", raised["auth_time"])


def test_prompt_none_without_session_then_below_the_level_then_with_it(agent, camille, rp):
    assert end(agent, start(agent, rp, prompt="none"))["error"] == "login_required"
    agent.sign_in(start(agent, rp))
    assert end(agent, start(agent, rp, prompt="none", acr_values="eidas2"))["error"] == "interaction_required"
    assert end(agent, start(agent, rp, prompt="none"))["claims"]["acr"] == "eidas1"
    agent.enrol(start(agent, rp, acr_values="eidas2"))
    assert end(agent, start(agent, rp, prompt="none", acr_values="eidas2"))["claims"]["acr"] == "eidas2"
    assert not agent.was_asked


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_a_level_that_cannot_be_reached_is_an_error(agent, camille, rp, name):
    refused = end(agent, start(agent, rp, name, claims=ESSENTIAL))
    assert refused["error"] == "unmet_authentication_requirements"


def test_prompt_login_asks_again(agent, camille, rp):
    first = end(agent, agent.sign_in(start(agent, rp)))["claims"]
    page = start(agent, rp, prompt="login", max_age="0")
    assert agent.went_through("/connexion/")
    assert end(agent, agent.sign_in(page))["claims"]["auth_time"] >= first["auth_time"]


def test_answer_with_another_issuer_is_refused_by_the_client(agent, camille, rp):
    agent.stops_at = f"{rp}/post/callback"
    parts = urlsplit(agent.sign_in(start(agent, rp)).response.headers["Location"])
    given = dict(parse_qsl(parts.query))
    for iss in ("https://attacker.example", None):
        forged = {name: value for name, value in {**given, "iss": iss}.items() if value}
        refused = agent.open(f"{rp}/post/callback?{urlencode(forged)}").response.json()
        assert "iss" in f"{refused['message']} {refused['cause']}", refused
    assert "claims" in agent.open(parts.geturl()).response.json()


def test_refresh_tokens_are_rotated_and_one_used_twice_kills_the_family(agent, camille, rp):
    before = end(agent, agent.sign_in(start(agent, rp)))["claims"]
    after = use(agent, rp, "refresh")
    assert after["rotated"]
    assert after["renewed"]
    assert [after["claims"][name] for name in ("sub", "acr", "auth_time", "sid")] == [
        before[name] for name in ("sub", "acr", "auth_time", "sid")
    ]
    assert use(agent, rp, "refresh")["rotated"]
    assert use(agent, rp, "reuse")["error"] == "invalid_grant"
    assert use(agent, rp, "refresh")["error"] == "invalid_grant"


def test_introspection_then_revocation(agent, camille, rp):
    agent.sign_in(start(agent, rp))
    told = use(agent, rp, "introspect")
    assert (told["active"], told["acr"], told["client_id"]) == (True, "eidas1", "rp-post")
    assert use(agent, rp, "revoke") == {}
    assert use(agent, rp, "introspect") == {"active": False}
    assert "error" in use(agent, rp, "userinfo")


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_logout_ends_the_session_and_comes_back(agent, camille, rp, name):
    end(agent, agent.sign_in(start(agent, rp, name)))
    assert agent.open(f"{rp}/{name}/logout").response.json() == {"goodbye": True}
    assert end(agent, start(agent, rp, name, prompt="none"))["error"] == "login_required"
    assert "error" in agent.open(f"{rp}/{name}/userinfo").response.json()
