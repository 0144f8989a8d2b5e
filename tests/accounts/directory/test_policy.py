"""Two factors that the ministry's directory demands: what it says, and where it binds."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.directory.two_factor_policy import ALWAYS, LATEST, Policy, parse_policy
from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.provider.authorization.policy import Terms
from cerbere.provider.tokens.models import Grant
from tests.support import people
from tests.support.directory import PASSWORD
from tests.support.people import Browser, answer, make_agent
from twofactor.obligation import get_required_strength
from twofactor.strength import Strength

pytest_plugins = ["tests.support.fixtures.directory"]
MARCH, JUNE = datetime(2027, 3, 1, 8, 30, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
IN_MARCH, IN_JUNE = "20270301083000Z", "20270601000000Z"
LINES = {
    "nothing": ([], None),
    "forced": (["2FA.Forcee: 1"], ALWAYS),
    "not forced": (["2FA.Forcee: 0"], None),
    "obliged": (["DoubleAuth.Obligatoire: oui"], ALWAYS),
    "not obliged": (["DoubleAuth.Obligatoire: non"], None),
    "obliged by one of both": (["2FA.Forcee: 0", "DoubleAuth.Obligatoire: oui"], ALWAYS),
    "from a date": (["2FA.Forcee: 1", f"2FA.DateButoir: {IN_MARCH}"], MARCH),
    "a date alone obliges nobody": ([f"2FA.DateButoir: {IN_MARCH}"], None),
    "a grace": (["2FA.Forcee: 1", f"2FA.DateButoir: {IN_MARCH}", f"2FA.DateDeGrace: {IN_JUNE}"], JUNE),
    "a grace before the date": (["2FA.Forcee: 1", f"2FA.DateButoir: {IN_JUNE}", f"2FA.DateDeGrace: {IN_MARCH}"], JUNE),
    "a grace without a date": (["2FA.Forcee: 1", f"2FA.DateDeGrace: {IN_JUNE}"], JUNE),
    "the earlier of two dates": (
        ["2FA.Forcee: 1", f"2FA.DateButoir: {IN_JUNE}", f"2FA.DateButoir: {IN_MARCH}"], MARCH),
    "the stricter of two": (["2FA.Forcee: 0", "2FA.Forcee: 1"], ALWAYS),
    "other cases and spaces": (["2fa.forcee:1 ", f" 2FA.DATEBUTOIR :{IN_MARCH.lower()}"], MARCH),
    "never, as some write it": (["2FA.Forcee: 1", "2FA.DateButoir: 99991231235959Z"], LATEST),
    "lines of others": (["Secu.Niveau: 3", "2FA.Autre: 1", "2FA.Forcee", "", ":", "AUTH.Cerbere:2"], ALWAYS),
    "lines of others alone": (["Secu.Niveau: 3", "2FA.Forcee.Plus: 1", "", ":"], None),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "required_from"), LINES.values(), ids=LINES)
def test_each_line(lines, required_from):
    assert parse_policy(lines).required_from == required_from
    assert parse_policy(reversed(lines)).required_from == required_from


MALFORMED = {
    "forced, perhaps": (["2FA.Forcee: yes"], ALWAYS, "2fa.forcee"),
    "forced, empty": (["2FA.Forcee:"], ALWAYS, "2fa.forcee"),
    "no colon": (["2FA.Forcee"], ALWAYS, "2fa.forcee"),
    "obliged, perhaps": (["DoubleAuth.Obligatoire: 1"], ALWAYS, "doubleauth.obligatoire"),
    **{
        f"date {value}": (["2FA.Forcee: 1", f"2FA.DateButoir: {value}"], ALWAYS, "2fa.datebutoir")
        for value in ("2027-03-01", "20271301000000Z", "20270301083000", "20270230000000Z", "٢٠٢٧٠٣٠١٠٨٣٠٠٠Z", "")
    },
    "grace": (["2FA.Forcee: 1", f"2FA.DateButoir: {IN_MARCH}", "2FA.DateDeGrace: soon"], MARCH, "2fa.datedegrace"),
    "a right and a wrong date": (
        ["2FA.Forcee: 1", f"2FA.DateButoir: {IN_JUNE}", "2FA.DateButoir: x"], ALWAYS, "2fa.datebutoir"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "required_from", "line"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_counts_on_the_safe_side(lines, required_from, line):
    assert parse_policy(lines) == Policy(required_from, (line,))


@given(st.lists(st.text(max_size=40) | st.sampled_from([line for lines, _ in LINES.values() for line in lines])))
def test_no_text_ends_in_an_error(lines):
    parse_policy(lines)


LATER, EARLIER = timezone.now() + timedelta(days=10), timezone.now() - timedelta(days=10)
LEAST = [
    (None, None, Strength.PASSWORD), (None, LATER, Strength.PASSWORD), (None, EARLIER, Strength.PASSWORD),
    (ALWAYS, None, Strength.TWO_FACTOR), (EARLIER, None, Strength.TWO_FACTOR), (LATER, None, Strength.PASSWORD),
    (EARLIER, LATER, Strength.PASSWORD), (EARLIER, EARLIER, Strength.TWO_FACTOR), (LATER, EARLIER, Strength.PASSWORD),
]  # fmt: skip


@pytest.mark.parametrize(("required_from", "grace_until", "least"), LEAST)
def test_what_an_agent_owes(required_from, grace_until, least):
    agent = Agent(two_factor_required_from=required_from, two_factor_grace_until=grace_until)
    assert get_required_strength(agent, timezone.now()) is least


def test_nobody_owes_nothing_and_the_very_moment_counts():
    assert get_required_strength(None, timezone.now()) is Strength.PASSWORD
    assert get_required_strength(Agent(two_factor_required_from=MARCH), MARCH) is Strength.TWO_FACTOR


def test_an_obligation_lowers_no_clients_minimum():
    assert Terms(Strength.TWO_FACTOR).with_minimum_level(Strength.PASSWORD).minimum is Strength.TWO_FACTOR
    assert Terms(Strength.PASSWORD).with_minimum_level(Strength.TWO_FACTOR).minimum is Strength.TWO_FACTOR


def obliged(uid="camille.durand", since=EARLIER, **fields):
    people.put_on_bnum(uid)
    return make_agent(uid, two_factor_required_from=since, **fields)


def at_password(**fields):
    browser = Browser()
    obliged(**fields)
    browser.sign_in()
    return browser


@pytest.mark.django_db
def test_the_directory_says_so_at_sign_in(directory):
    directory.change("jeanne", mineqInfoSec=["2FA.Forcee: 1", f"2FA.DateButoir: {IN_MARCH}", "Other: x"])
    Browser().sign_in("jeanne.lefevre", PASSWORD)
    assert Agent.objects.get().two_factor_required_from == MARCH
    directory.change("jeanne", mineqInfoSec=None)
    Browser().sign_in("jeanne.lefevre", PASSWORD)
    assert Agent.objects.get().two_factor_required_from is None


@pytest.mark.django_db
def test_a_malformed_line_is_a_line_in_the_log(directory, caplog):
    directory.change("jeanne", mineqInfoSec=["2FA.Forcee: peut-être"])
    Browser().sign_in("jeanne.lefevre", PASSWORD)
    assert Agent.objects.get().two_factor_required_from == ALWAYS
    assert "malformed_policy" in caplog.text
    assert "peut-être" not in caplog.text


@pytest.mark.django_db
def test_before_the_date_mon_compte_says_which(settings):
    settings.TIME_ZONE = "Europe/Paris"
    account = at_password(since=datetime(2099, 3, 1, 23, 30, tzinfo=UTC)).get("/compte/")
    assert "Authentification à deux facteurs à activer avant le 2 mars 2099" in account.text


@pytest.mark.django_db
def test_after_the_date_the_agent_is_led_to_the_activation_and_back(browser):
    obliged()
    page = browser.follow_inside(browser.sign_in())
    assert page.request.path == "/compte/deux-facteurs/otp-mel/"
    assert "L’authentification à deux facteurs est obligatoire pour votre compte." in page.text
    browser.send_code(page, people.code())
    account = browser.get("/compte/")
    assert account.status_int == 200
    assert "obligatoire" not in account.text


@pytest.mark.django_db
def test_with_a_method_the_code_is_asked_on_mon_compte(browser):
    people.activate_otp_mel(obliged())
    page = browser.follow_inside(browser.sign_in())
    assert page.request.path == "/verification/"
    account = browser.follow_inside(browser.send_code(page, people.code()))
    assert account.request.path == "/compte/"


@pytest.mark.django_db
def test_who_cannot_add_the_method_reads_what_is_missing(browser):
    make_agent("sasha.petit", two_factor_required_from=EARLIER)
    account = browser.follow_inside(browser.sign_in("sasha.petit"))
    assert account.request.path == "/compte/"
    assert "L’authentification à deux facteurs est obligatoire pour votre compte." in account.text
    assert "aucune application n’est enregistrée pour vous sur le Bnum" in account.text


@pytest.mark.django_db
def test_a_grace_leaves_the_password_alone_until_its_end():
    browser = at_password(two_factor_grace_until=LATER)
    assert "à activer avant le" in browser.get("/compte/").text


@pytest.mark.django_db
def test_the_provider_grants_no_client_less_than_two_factors(wiki):
    browser = at_password()
    assert answer(browser.authorize("wiki", prompt="none"))["error"] == "interaction_required"
    refusal = browser.follow_inside(browser.authorize("wiki"))
    assert refusal.status_int == 403
    assert "authentification trop faible" in refusal.text
    browser.enrol()
    code = answer(browser.authorize("wiki"))["code"]
    assert browser.token(code, "wiki").status_int == 200
    assert Grant.objects.get().acr == "eidas2"


@pytest.mark.django_db
def test_the_provider_asks_for_the_code_of_an_active_method(wiki):
    browser = Browser()
    people.activate_otp_mel(obliged())
    browser.sign_in()
    assert browser.authorize("wiki").location.startswith("/verification/")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "192.168.1.1"])
def test_no_network_is_a_factor(wiki, address):
    obliged()
    browser = Browser(address)
    browser.sign_in()
    assert answer(browser.authorize("wiki", prompt="none"))["error"] == "interaction_required"


@pytest.mark.django_db
def test_what_was_granted_before_the_date_ends_with_it(wiki):
    """A code and an access token alike."""
    browser = at_password(since=None)
    token = browser.token(answer(browser.authorize("wiki"))["code"], "wiki").json["access_token"]
    code = answer(browser.authorize("wiki"))["code"]
    Agent.objects.update(two_factor_required_from=EARLIER)
    bearer = {"Authorization": f"Bearer {token}"}
    assert browser.token(code, "wiki").status_int == 400
    assert browser.get("/oidc/userinfo", headers=bearer, status="*").status_int == 401
    assert AuditEvent.objects.get(name=Event.TOKEN_REFUSED).detail["reason"] == "level_fell"
