"""Secrets over HTTP in JSON, on a real socket: about the agent that was asked for, or unavailable, in time."""

import base64

import pytest

from tests.support.certificates import Authority
from tests.support.fakes import fake_bnum_http
from tests.support.fakes.fake_bnum import set_up, unavailable_in_time
from tests.support.people import CAMILLE_SECRET
from twofactor.sources import SourceUnavailable, State, get_source

CAMILLE, TOKEN = "camille.durand", "canary-of-a-token"
SEED = CAMILLE_SECRET.encode()


@pytest.fixture
def bnum(settings):
    settings.MELOTP_TOKEN = TOKEN
    return set_up(settings, "http")


@pytest.fixture
def service(bnum, settings):
    with fake_bnum_http.agents(bnum) as settings.MELOTP_URL:
        yield bnum


def test_the_secret_of_an_agent(service):
    assert get_source().look_up(CAMILLE) == (State.PRESENT, SEED)
    assert service.asked[0].startswith("GET /bnum/agents/camille.durand HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}" in service.asked[0]


def test_an_agent_without_secret_and_one_that_is_locked(service):
    assert get_source().look_up("sasha.petit") == (State.ABSENT, None)
    service.answer = {"state": "locked"}
    assert get_source().look_up(CAMILLE) == (State.LOCKED, None)
    service.answer = {"state": "absent"}
    assert get_source().look_up(CAMILLE) == (State.ABSENT, None)


@pytest.mark.parametrize(
    ("encoding", "secret"),
    [("raw", CAMILLE_SECRET), ("base32", base64.b32encode(SEED).decode().lower()), ("hex", SEED.hex())],
)
def test_the_encoding_is_the_answers_own(service, settings, encoding, secret):
    settings.MELOTP_ENCODING = "raw"
    service.answer = {"encoding": encoding, "secret": secret}
    assert get_source().look_up(CAMILLE) == (State.PRESENT, SEED)


@pytest.mark.parametrize(
    "other",
    [{"algorithm": "SHA256"}, {"digits": 8}, {"period": 60}, {"algorithm": None}, {"digits": None}, {"digits": "6"},
     {"secret": ""}, {"secret": None}, {"secret": 12345678}, {"secret": "clé"},
     {"encoding": "base32", "secret": "not base32!"}, {"encoding": "hex", "secret": "abc"}],
    ids=str,
)  # fmt: skip
def test_t21_what_cannot_be_checked_here_is_a_clear_state_never_wrong_codes(service, caplog, other):
    service.answer = other
    assert get_source().look_up(CAMILLE) == (State.UNSUPPORTED, None)
    assert "not_supported" in caplog.text or "not_readable" in caplog.text
    assert CAMILLE_SECRET not in caplog.text


@pytest.mark.parametrize("mode", fake_bnum_http.FAULTS)
def test_f09_f10_any_other_answer_is_unavailable_and_in_time(service, mode, caplog):
    service.mode = mode
    with unavailable_in_time(caplog, CAMILLE_SECRET, TOKEN):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize("uid", ["dominique.morel", "Camille.Durand", None, ["camille.durand"]])
def test_f10_an_answer_for_somebody_else_is_not_believed(service, uid):
    service.answer = {"uid": uid}
    with pytest.raises(SourceUnavailable, match="another_uid"):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize("state", ["Present", "unsupported", "", None, True, ["present"]])
def test_f10_a_state_that_the_contract_does_not_know(service, state):
    service.answer = {"state": state}
    with pytest.raises(SourceUnavailable, match="no_state"):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize("encoding", ["ascii", None, 1])
def test_f10_an_encoding_is_never_guessed(service, encoding):
    service.answer = {"encoding": encoding}
    with pytest.raises(SourceUnavailable, match="no_encoding"):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize("body", ["[]", '"present"', "0", "{", '{"uid": "camille.durand"', "[" * 60_000, "{}", "0" * 9])
def test_f10_json_that_is_no_answer(service, body):
    service.mode = body
    with pytest.raises(SourceUnavailable):
        get_source().look_up(CAMILLE)


@pytest.mark.parametrize(
    ("uid", "path"),
    [("../admin", "..%2Fadmin"), ("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("%2e%2e", "%252e%252e"),
     ("o'neil", "o%27neil"), ('"', "%22"), ("..a", "..a"), ("a;b", "a%3Bb")],
)  # fmt: skip
def test_a_uid_is_one_segment_of_the_path(service, uid, path):
    service.secrets[uid] = CAMILLE_SECRET
    assert get_source().look_up(uid) == (State.PRESENT, SEED)
    assert service.asked[0].split()[1] == f"/bnum/agents/{path}"


@pytest.mark.parametrize("uid", [".", "..", "", "a b", "a\r\nX-Admin: 1", "é", "x" * 33])
def test_a_uid_that_would_be_something_else_is_never_sent(service, uid):
    assert get_source().look_up(uid) == (State.UNSUPPORTED, None)
    assert service.connections == 0


def test_f10_a_present_agent_is_no_404(service):
    """Only « absent » may come with it."""
    service.mode = "present_but_not_found"
    with pytest.raises(SourceUnavailable, match="no_state"):
        get_source().look_up(CAMILLE)


def test_over_tls_a_client_certificate_serves_without_a_token(bnum, settings, tmp_path):
    authority = Authority(tmp_path)
    settings.MELOTP_CA, settings.MELOTP_TOKEN = authority.pem, ""
    settings.MELOTP_CLIENT_CERTIFICATE_FILE = str(authority.issue("cerbere.example.fr"))
    with fake_bnum_http.agents(bnum, authority.issue("localhost"), authority.pem) as settings.MELOTP_URL:
        assert get_source().look_up(CAMILLE) == (State.PRESENT, SEED)
    assert "Authorization" not in bnum.asked[0]


@pytest.mark.parametrize(("host", "known"), [("localhost", False), ("elsewhere.example.fr", True)])
def test_f10_no_token_goes_to_whom_a_certificate_does_not_prove(bnum, settings, tmp_path, host, known):
    authority = Authority(tmp_path)
    settings.MELOTP_CA = authority.pem if known else ""
    with (
        fake_bnum_http.agents(bnum, authority.issue(host)) as settings.MELOTP_URL,
        pytest.raises(SourceUnavailable, match="SSLCertVerificationError"),
    ):
        get_source().look_up(CAMILLE)
    assert bnum.asked == []


def test_f10_an_address_that_answers_without_tls(service, settings):
    settings.MELOTP_URL = settings.MELOTP_URL.replace("http:", "https:")
    with pytest.raises(SourceUnavailable, match=r"^SSL|too_slow"):
        get_source().look_up(CAMILLE)
    assert TOKEN not in str(service.asked)
