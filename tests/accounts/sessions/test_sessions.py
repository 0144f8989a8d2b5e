"""Sessions: where they begin, how long they live, who may end them."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.utils import timezone

from accounts.models import AgentSession
from accounts.sessions.store import digest_key
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.people import NOW, PASSWORD, Browser, answer, code, login_form, password_hash

pytestmark = pytest.mark.django_db
EXPIRED = "Votre session a expiré. Reconnectez-vous."
NAME = "cerbere_session"


def test_a_session_of_an_earlier_password_is_nobodys(browser, camille, wiki):
    browser.sign_in()
    camille.password = password_hash("un autre mot de passe")
    camille.save()
    assert browser.get("/compte/").location.startswith("/connexion/")
    assert answer(browser.authorize("wiki", prompt="none"))["error"] == "login_required"


def test_somebody_else_who_signs_in_begins_a_session_of_his_own(browser, camille, dominique):
    browser.sign_in()
    of_camille = AgentSession.objects.get(agent=camille).sid
    browser.sign_in("dominique.morel")
    session = AgentSession.objects.get()
    assert (session.agent, session.sid != of_camille) == (dominique, True)


def test_c01_the_cookies_of_plain_http(browser, camille):
    answer = browser.sign_in()
    cookies = answer.headers.getall("Set-Cookie")
    assert {cookie.partition("=")[0].strip() for cookie in cookies} == {NAME, "cerbere_csrf", "cerbere_navigateur"}
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
        assert len(cookie) < 4096
    session = next(cookie for cookie in cookies if cookie.strip().startswith(NAME))
    assert "expires" not in session.lower()
    assert "max-age" not in session.lower()


def test_c03_a_planted_session_stays_anonymous(camille):
    attacker, victim = Browser(), Browser()
    planted = "attackerattackerattackerattacker"
    for browser in (attacker, victim):
        browser.set_cookie(NAME, planted)
    victim.sign_in()
    assert victim.cookies[NAME] != planted
    assert victim.get("/compte/").status_int == 200
    assert attacker.get("/compte/").status_int == 302
    assert not AgentSession.objects.filter(session_key=digest_key(planted)).exists()


def test_c03_a_session_of_another_agent_is_not_taken_over(dominique, signed_in):
    theirs = signed_in.cookies[NAME]
    signed_in.sign_in("dominique.morel")
    assert AgentSession.objects.get().agent == dominique
    other = Browser()
    other.set_cookie(NAME, theirs)
    assert other.get("/compte/").status_int == 302


def test_signing_in_and_the_code_change_the_key_and_the_csrf_token_under_one_sid(browser, camille):
    seen = []
    for act in (lambda: browser.sign_in(), lambda: browser.sign_in(), lambda: browser.enrol()):
        act()
        seen.append((browser.cookies[NAME], browser.cookies["cerbere_csrf"], AgentSession.objects.get().sid))
    keys, tokens, sids = zip(*seen, strict=True)
    assert len(set(keys)) == len(set(tokens)) == 3
    assert len(set(sids)) == 1
    for key in keys[:-1]:
        old = Browser()
        old.set_cookie(NAME, key)
        assert old.get("/compte/").status_int == 302


def test_c06_an_idle_session_ends_after_two_hours(camille):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser()
        browser.sign_in()
        clock.shift(timedelta(minutes=119))
        assert browser.get("/compte/").status_int == 200
        clock.shift(timedelta(minutes=120))
        asked = browser.get("/compte/mot-de-passe/?a=1").follow()
        assert EXPIRED in asked.text
        answer = browser.sign_in(page=asked)
        assert answer.location.endswith("/compte/mot-de-passe/?a=1")
        assert EXPIRED not in browser.get("/connexion/").text


def test_c06_a_session_ends_after_ten_hours_whatever_its_use(camille):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser()
        browser.sign_in()
        for _ in range(5):
            clock.shift(timedelta(minutes=119))
            assert browser.get("/compte/").status_int == 200
        clock.shift(timedelta(minutes=5))
        assert EXPIRED in browser.get("/compte/").follow().text


def test_c06_signing_in_again_does_not_lengthen_the_ten_hours(camille):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser()
        browser.sign_in()
        for _ in range(5):
            clock.shift(timedelta(minutes=119))
            browser.sign_in()
        clock.shift(timedelta(minutes=5))
        assert browser.get("/compte/").status_int == 302


def test_c06_a_request_that_writes_the_session_counts_as_activity(camille):
    """The row is saved whole: it must not put back the activity of before."""
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser()
        browser.sign_in()
        page = browser.get("/compte/deux-facteurs/otp-mel/")
        clock.shift(timedelta(minutes=100))
        assert browser.send_code(page, code()).status_int == 303
        clock.shift(timedelta(minutes=100))
        assert browser.get("/compte/").status_int == 200


def test_c06_the_message_names_the_service_to_find_again(camille, wiki):
    with time_machine.travel(NOW, tick=False) as clock:
        browser = Browser()
        browser.sign_in()
        clock.shift(timedelta(hours=3))
        asked = browser.follow_inside(browser.authorize("wiki"))
    assert "Votre session a expiré. Reconnectez-vous, vous retrouverez WIKI ensuite." in asked.text


def test_nobody_is_told_of_an_expired_session_who_had_none_or_left(browser, camille):
    assert EXPIRED not in browser.get("/compte/").follow().text
    browser.sign_in()
    form = next(f for f in browser.get("/compte/").forms.values() if f.action == "/deconnexion/")
    form.submit()
    assert EXPIRED not in browser.get("/compte/").follow().text
    assert NAME not in browser.cookies


def ending(page):
    return [form for form in page.forms.values() if form.action.endswith("/terminer/")]


def test_c07_the_account_lists_the_sessions_and_ends_the_other(signed_in, camille):
    phone = Browser("192.0.2.77")
    phone.extra_environ["HTTP_USER_AGENT"] = "Mozilla/5.0 (iPhone) AppleWebKit Safari/605.1"
    phone.sign_in()
    account = signed_in.get("/compte/")
    assert "Safari – iPhone" in account.text
    assert "192.0.2.77" in account.text
    assert len(ending(account)) == 1
    after = ending(account)[0].submit().follow()
    assert "La session est terminée." in after.text
    assert "192.0.2.77" not in after.text
    assert phone.get("/compte/").status_int == 302
    assert AuditEvent.objects.get(name=Event.SESSION_ENDED).agent == camille.uid


def post(browser, path):
    token = login_form(browser.get("/connexion/"))["csrfmiddlewaretoken"].value
    return browser.post(path, {"csrfmiddlewaretoken": token}, status="*")


def test_c07_the_session_of_another_agent_is_not_found(signed_in, dominique):
    theirs = Browser()
    theirs.sign_in("dominique.morel")
    sid = AgentSession.objects.get(agent=dominique).sid
    assert post(signed_in, f"/compte/sessions/{sid}/terminer/").status_int == 404
    assert theirs.get("/compte/").status_int == 200


def test_c07_ending_ones_own_session_signs_out(signed_in):
    sid = AgentSession.objects.get().sid
    answer = post(signed_in, f"/compte/sessions/{sid}/terminer/")
    assert signed_in.follow_inside(answer).status_int == 200
    assert signed_in.get("/compte/").status_int == 302
    assert not AgentSession.objects.exists()


def test_c08_two_tabs_on_the_login_page(browser, camille):
    one, two = browser.get("/connexion/?next=/aide/"), browser.get("/connexion/?next=/compte/mot-de-passe/%3Fa=1%26b=2")
    assert browser.sign_in(page=one).status_int == 303
    second = browser.sign_in(page=two)
    assert "Page expirée" in second.text
    assert second.click("Recommencer").request.path_qs == "/compte/mot-de-passe/?a=1&b=2", "no second password"


def test_c08_an_expired_page_that_only_takes_forms_leads_to_one_that_opens(browser, camille):
    browser.sign_in()
    other = Browser()
    other.sign_in()
    old = ending(browser.get("/compte/"))[0]
    browser.sign_in()
    refused = old.submit(expect_errors=True)
    assert "Page expirée" in refused.text
    assert refused.click("Recommencer").status_int == 200


MANGLED = {
    "tampered": lambda key: ("b" if key[0] == "a" else "a") + key[1:],
    "truncated": lambda key: key[:-4],
    "8 KB": lambda key: key * 256,
    "empty": lambda key: "",
    "NUL, by an octal escape": lambda key: f'"{key}\\000"',
    "not ASCII": lambda key: "é" * 32,
    "quotes": lambda key: f"{key}' OR '1'='1",
    "a signed cookie of Django": lambda key: "e30:1abcde:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}


@pytest.mark.parametrize("mangle", MANGLED.values(), ids=MANGLED)
def test_c09_a_mangled_cookie_is_anonymous(signed_in, mangle):
    cookie = f"{NAME}={mangle(signed_in.cookies[NAME])}".encode().decode("latin-1")
    raw = Browser()
    raw.extra_environ["HTTP_COOKIE"] = cookie
    assert raw.get("/compte/").status_int == 302
    assert raw.get("/").status_int == 200
    assert raw.post("/verification/", {"code": "123456"}, status="*").status_int == 403


def test_c10_a_password_alone_cannot_end_the_sessions_of_an_agent_with_two_factors(enrolled):
    victim = Browser()
    victim.sign_in()
    victim.send_code("/verification/", code())
    sid = AgentSession.objects.get().sid
    thief = Browser("203.0.113.66")
    thief.sign_in()
    answer = post(thief, f"/compte/sessions/{sid}/terminer/")
    assert answer.status_int == 303
    assert "/verification/" in answer.location
    assert victim.get("/compte/").status_int == 200


def test_c10_a_password_alone_cannot_change_the_password_of_an_agent_with_two_factors(enrolled):
    thief = Browser("203.0.113.66")
    thief.sign_in()
    asked = thief.get("/compte/mot-de-passe/")
    assert asked.status_int == 303
    assert asked.location.endswith("/verification/?next=%2Fcompte%2Fmot-de-passe%2F")
    fields = {
        "current_password": PASSWORD,
        "new_password1": "tapis girafe moulin",
        "new_password2": "tapis girafe moulin",
    }
    token = login_form(thief.get("/connexion/"))["csrfmiddlewaretoken"].value
    assert thief.post("/compte/mot-de-passe/", {**fields, "csrfmiddlewaretoken": token}).status_int == 303
    enrolled.refresh_from_db()
    assert enrolled.check_password(PASSWORD)


def test_c10_with_the_code_both_are_possible(enrolled):
    browser = Browser()
    browser.sign_in()
    asked = browser.get("/compte/mot-de-passe/").follow()
    assert browser.send_code(asked, code()).location.endswith("/compte/mot-de-passe/")
    assert browser.get("/compte/mot-de-passe/").status_int == 200


@pytest.mark.parametrize("change", [{"is_active": False}, {"mailbox": "BALS"}])
def test_l12_an_agent_who_may_not_sign_in_any_more_is_out_at_the_next_request(signed_in, camille, change):
    type(camille).objects.filter(pk=camille.pk).update(**change)
    assert signed_in.get("/compte/").status_int == 302


def test_activity_is_written_once_a_minute_at_most(signed_in, django_assert_num_queries):
    with django_assert_num_queries(2):  # the session and its agent
        signed_in.get("/deconnexion/")
    row = AgentSession.objects.get()
    assert timezone.now() - row.last_seen_at < settings.SESSION_IDLE


def test_the_account_marks_this_very_session(signed_in):
    Browser().sign_in()
    assert len(ending(signed_in.get("/compte/"))) == 1
