"""The daemon dynalogind, on a real socket: a clear yes or no, or unavailable, in time."""

import socket
import time
from contextlib import ExitStack

import pytest
import time_machine

from tests.support.certificates import Authority
from tests.support.fakes import fake_bnum
from tests.support.fakes.fake_bnum import DEADLINE, unavailable_in_time
from tests.support.people import CAMILLE_SECRET, NOW, code, wrong_code
from twofactor.sources import SourceUnavailable, State, get_source
from twofactor.sources.__init__ import get_unwatched_source

CAMILLE = "camille.durand"


@pytest.fixture
def bnum(settings):
    return fake_bnum.set_up(settings, "dynalogind")


@pytest.fixture
def daemon(bnum, settings):
    with fake_bnum.dynalogind(bnum) as settings.MELOTP_URL:
        yield bnum


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_a_right_code_is_a_yes_and_is_burnt_there(daemon):
    with time_machine.travel(NOW, tick=False):
        assert get_source().verify(CAMILLE, code()) is True
        assert get_source().verify(CAMILLE, code()) is False
    assert daemon.asked == [f"UDATA TOTP {CAMILLE} {code(at=NOW)}\n"] * 2


def test_t20_a_code_that_served_on_the_bnum_is_refused_here(daemon):
    with time_machine.travel(NOW, tick=False):
        assert daemon.is_right(CAMILLE, code())
        assert get_source().verify(CAMILLE, code()) is False


def test_a_wrong_code_and_an_unknown_account_are_a_no(daemon):
    assert get_source().verify(CAMILLE, wrong_code()) is False
    assert get_source().verify("sasha.petit", "123456") is False


def test_who_greets_is_there_for_everybody(daemon):
    assert get_source().look_up(CAMILLE) == (State.PRESENT, None)
    assert get_source().look_up("sasha.petit") == (State.PRESENT, None)
    assert daemon.asked == []


UNSENDABLE = [
    "", "a b", "a\nUDATA TOTP camille.durand 123456", "a\r", "a\t", "a\0", "agent.étranger", "a\u2028b", "x" * 33,
]  # fmt: skip


@pytest.mark.parametrize("uid", UNSENDABLE)
def test_a_uid_that_would_be_more_than_one_word_is_never_sent(daemon, uid):
    assert get_source().look_up(uid) == (State.UNSUPPORTED, None)
    with pytest.raises(SourceUnavailable):
        get_source().verify(uid, "123456")
    assert daemon.connections == 0


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "12345 ", "12345\n", "123456\n", "+12345", "١٢٣٤٥٦", "1 2345"]
)
def test_what_is_not_six_digits_is_never_sent(daemon, typed):
    with pytest.raises(SourceUnavailable):
        get_source().verify(CAMILLE, typed)
    assert daemon.connections == 0


@pytest.mark.parametrize("uid", ["o'neil", '"', "%s", "../x", "a;b", "x" * 32])
def test_other_signs_are_one_word(daemon, uid):
    daemon.secrets[uid] = CAMILLE_SECRET
    assert get_source().verify(uid, code()) is True


FAULTS = ["slow", "drip", "reset", "error", "html", "empty", "huge", "garbage", "hasty", "other", "longer"]
LATE = [f"late_{fault}" for fault in FAULTS if fault != "hasty"]


@pytest.mark.parametrize("mode", FAULTS + LATE)
def test_f09_f10_any_other_answer_is_unavailable_and_in_time(daemon, mode, caplog):
    daemon.mode = mode
    right = code()
    with unavailable_in_time(caplog, right):
        get_source().verify(CAMILLE, right)


@pytest.mark.parametrize("mode", FAULTS)
def test_f09_f10_nor_is_a_daemon_there_that_does_not_greet(daemon, mode):
    daemon.mode = mode
    with pytest.raises(SourceUnavailable):
        get_source().look_up(CAMILLE)


def test_f10_a_line_without_an_end_is_not_read_to_the_deadline(daemon):
    daemon.mode = "late_huge"
    with pytest.raises(SourceUnavailable, match="not_a_reply"):
        get_source().verify(CAMILLE, code())


def test_f09_nobody_listens(daemon, settings):
    settings.MELOTP_URL = "tcp://localhost:1"
    with pytest.raises(SourceUnavailable, match="ConnectionRefusedError"):
        get_source().look_up(CAMILLE)


def test_f09_a_machine_that_takes_no_connection(bnum, settings):
    """A firewall that drops what it gets: nothing answers, not even a refusal."""
    with socket.socket() as busy, ExitStack() as waiting:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        for _ in range(4):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(busy.getsockname())
        settings.MELOTP_URL = f"tcp://127.0.0.1:{busy.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match="too_slow"):
            get_source().look_up(CAMILLE)
        assert time.monotonic() - start < DEADLINE + 10


def test_over_tls_with_the_authority_that_is_named(bnum, settings, authority):
    settings.MELOTP_CA = authority.pem
    with fake_bnum.dynalogind(bnum, authority.issue("localhost")) as settings.MELOTP_URL:
        assert get_source().verify(CAMILLE, code()) is True


@pytest.mark.parametrize(
    ("host", "days", "known"), [("localhost", 1, False), ("elsewhere.example.fr", 1, True), ("localhost", -1, True)]
)
def test_f10_a_certificate_that_proves_nothing_is_unavailable(bnum, settings, authority, host, days, known):
    settings.MELOTP_CA = authority.pem if known else ""
    with (
        fake_bnum.dynalogind(bnum, authority.issue(host, days)) as settings.MELOTP_URL,
        pytest.raises(SourceUnavailable, match="SSLCertVerificationError"),
    ):
        get_source().verify(CAMILLE, code())
    assert bnum.asked == []


@pytest.mark.parametrize("mode", ["slow", "drip", "garbage"])
def test_f10_a_daemon_without_tls_where_tls_is_wanted(daemon, settings, mode):
    settings.MELOTP_URL = settings.MELOTP_URL.replace("tcp:", "tls:")
    daemon.mode = mode
    start = time.monotonic()
    with pytest.raises(SourceUnavailable):
        get_source().look_up(CAMILLE)
    assert time.monotonic() - start < DEADLINE + 10


def test_steps_are_told_without_the_code(bnum, settings, authority):
    steps = []
    settings.MELOTP_CA = authority.pem
    with fake_bnum.dynalogind(bnum, authority.issue("localhost")) as settings.MELOTP_URL:
        get_unwatched_source(lambda *step: steps.append(step)).verify(CAMILLE, code())
    assert [name for name, _ in steps] == ["name", "connection", "TLS", "greeting"]
    assert steps[0][1].startswith("localhost is ")
    assert code() not in str(steps)
