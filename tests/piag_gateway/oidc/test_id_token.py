"""ID tokens that PIAG must refuse, forged on a real socket (rows R03 to R08 and R10)."""

import time

import pytest

from tests.support.fakes.forging_provider import EC_KEY, SUBJECT
from tests.support.fixtures import piag as fixtures

provider, gateway, forge, agent = fixtures.provider, fixtures.gateway, fixtures.forge, fixtures.agent


def refused(agent, reason, title="Connexion refusée", fault="TokenRefused"):
    """Sign in, and check that a page of refusal ends it, that the log has the reason and that there is no session."""
    page = agent.open("/assistant/")
    event = agent.piag.events("sign_in.refused")[-1]
    assert page.status_code == 403
    assert f"<title>Erreur – {title} – PIAG</title>" in page.text
    assert (event["fault"], event["reason"]) == (fault, reason)
    assert event["request_id"] == page.headers["X-Request-ID"]
    assert agent.open("/assistant/", follow=False).status_code == 302


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384", "PS256"])
def test_r03_algorithm_that_is_not_allowed_is_refused(agent, forge, algorithm):
    forge.algorithm = algorithm
    refused(agent, "signature")


def test_r03_algorithm_that_nobody_knows_is_refused(agent, forge, provider):
    forge.id_token = "eyJhbGciOiJSMjU2In0.e30.c2ln"
    refused(agent, "signature")


def test_es256_is_accepted(agent, forge):
    forge.algorithm = "ES256"
    assert agent.open("/assistant/").status_code == 200


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.b.c.d.e", "..", "e30.e30.e30"])
def test_r03_what_is_no_token_is_refused(agent, forge, token):
    forge.id_token = token or "."
    refused(agent, "signature")


def test_r03_signature_of_another_key_is_refused(agent, forge):
    forge.stranger = True
    refused(agent, "signature")


def test_r03_key_of_another_type_is_refused(agent, forge):
    forge.header = {"kid": EC_KEY.kid}
    refused(agent, "unknown_key")


def test_key_id_is_not_needed_when_one_key_fits(agent, forge):
    forge.header = {"kid": None}
    assert agent.open("/assistant/").status_code == 200


def test_r04_wrong_iss_is_refused(agent, forge):
    forge.claims = {"iss": "https://evil.test"}
    refused(agent, "iss")


def test_r04_iss_with_a_slash_is_refused(agent, forge, provider):
    forge.claims = {"iss": f"{provider.url}/"}
    refused(agent, "iss")


@pytest.mark.parametrize("audience", ["wiki", None, [], ["wiki"], [["piag"]], {"piag": 1}, "piag wiki"])
def test_r05_wrong_aud_is_refused(agent, forge, audience):
    forge.claims = {"aud": audience}
    refused(agent, "aud")


@pytest.mark.parametrize(
    "claims", [{"azp": "wiki"}, {"aud": ["piag", "wiki"]}, {"aud": ["piag", "wiki"], "azp": "wiki"}, {"azp": ""}]
)
def test_r05_token_asked_for_by_another_is_refused(agent, forge, claims):
    forge.claims = claims
    refused(agent, "azp")


@pytest.mark.parametrize("claims", [{"aud": ["piag"]}, {"azp": "piag"}, {"aud": ["wiki", "piag"], "azp": "piag"}])
def test_r05_token_asked_for_by_us_is_accepted(agent, forge, claims):
    forge.claims = claims
    assert agent.open("/assistant/").status_code == 200


@pytest.mark.parametrize("expiry", [None, 0, -1, "2099-01-01", True, [], 10**400, lambda now: now - 61])
def test_r06_expiry_absent_or_past_is_refused(agent, forge, expiry):
    forge.claims = {"exp": expiry(int(time.time())) if callable(expiry) else expiry}
    refused(agent, "exp")


@pytest.mark.parametrize("issued", [None, "now", lambda now: now + 90])
def test_r06_issue_absent_or_in_the_future_is_refused(agent, forge, issued):
    forge.claims = {"iat": issued(int(time.time())) if callable(issued) else issued}
    refused(agent, "iat")


@pytest.mark.parametrize("nonce", [None, "", "another", 1])
def test_r07_nonce_absent_or_other_is_refused(agent, forge, nonce):
    forge.claims = {"nonce": nonce}
    refused(agent, "nonce")


@pytest.mark.parametrize(
    "level", [None, "", "eidas1", "mfa", ["eidas2"], ["mfa"], {"eidas2": 1}, "EIDAS2", "eidas2 ", 2]
)
def test_r08_level_below_two_factors_is_refused(agent, forge, level):
    forge.claims = {"acr": level, "amr": ["pwd", "otp", "mfa"]}
    refused(agent, "acr", "Accès interdit, authentification trop faible", "TooWeak")


@pytest.mark.parametrize("level", ["eidas2", "eidas3"])
def test_r08_two_factors_are_accepted_whatever_amr_says(agent, forge, level):
    forge.claims = {"acr": level, "amr": "otp"}
    assert f"{level} (deux facteurs)" in agent.open("/assistant/").text


def test_amr_that_cannot_be_shown_is_left_out(agent, forge):
    forge.claims = {"amr": ["pwd", "o\ntp", 7, "<b>"]}
    assert "mot de passe (pwd), &lt;b&gt;</dd>" in agent.open("/assistant/").text


def test_r08_weak_page_leads_to_the_account_and_lets_try_again(agent, forge, provider):
    forge.claims = {"acr": "eidas1"}
    page = agent.open("/assistant/?page=6")
    assert f'href="{provider.url}/compte/"' in page.text
    forge.claims = {}
    assert agent.submit(page, "/oidc/connexion/").url.endswith("/assistant/?page=6")


@pytest.mark.parametrize("time_", ["yesterday", True, lambda now: now + 90])
def test_r09_time_of_authentication_that_is_none_is_refused(agent, forge, time_):
    forge.claims = {"auth_time": time_(int(time.time())) if callable(time_) else time_}
    refused(agent, "auth_time")


@pytest.mark.parametrize("subject", [None, "", 7, "é", "a" * 256, "a\nb", ["a"]])
def test_r10_subject_absent_or_unusable_is_refused(agent, forge, subject):
    forge.claims = forge.userinfo = {"sub": subject}
    refused(agent, "sub")


@pytest.mark.parametrize("session", ["", 7, "é", "a" * 256, ["a"], True])
def test_session_id_that_names_none_is_refused(agent, forge, session):
    forge.claims = {"sid": session}
    refused(agent, "sid")


def test_session_id_may_be_absent(agent, forge):
    forge.claims = {"sid": None}
    assert agent.open("/assistant/").status_code == 200


@pytest.mark.parametrize("subject", [None, "somebody-else", SUBJECT.upper()])
def test_r10_userinfo_of_somebody_else_is_refused(agent, forge, subject):
    forge.userinfo = {"sub": subject}
    refused(agent, "userinfo_sub")


def test_access_token_of_another_answer_is_refused(agent, forge):
    forge.claims = {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}
    refused(agent, "at_hash")


def test_at_hash_may_be_absent(agent, forge):
    forge.claims = {"at_hash": None}
    assert agent.open("/assistant/").status_code == 200
