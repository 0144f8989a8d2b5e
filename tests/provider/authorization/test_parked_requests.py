"""An authorization request that waits: two tabs, other browsers, time, and the way back."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from cerbere.provider.authorization.models import ParkedRequest
from cerbere.provider.authorization.parked_requests import make_resume_url
from cerbere.provider.clients.models import Client
from tests.support import people
from tests.support.people import NOW, Browser, answer

pytestmark = pytest.mark.django_db


def test_a_waiting_request_is_resumed_at_the_address_that_it_is_given(browser, camille, piag):
    browser.authorize()
    waiting = ParkedRequest.objects.get()
    assert make_resume_url(waiting) == reverse("resume", args=[waiting.pk])


def resume_address(page):
    return people.login_form(page)["next"].value


def test_two_tabs_each_end_in_their_own_application(browser, camille, wiki, db):
    other = people.make_client("agenda", 1, redirect_uris=["https://agenda.example.fr/cb"])
    first = browser.follow_inside(browser.authorize("wiki"))
    second = browser.follow_inside(browser.authorize(other.client_id, redirect_uri="https://agenda.example.fr/cb"))
    assert "Pour accéder à WIKI." in first.text
    assert "Pour accéder à AGENDA." in second.text
    back = browser.follow_inside(browser.sign_in(page=second))
    assert back.location.startswith("https://agenda.example.fr/cb?")
    assert answer(browser.get(resume_address(first)))["code"]


def test_the_second_tabs_login_form_still_works_after_the_first_signed_in(browser, camille, wiki):
    first, second = (browser.follow_inside(browser.authorize("wiki")) for _ in range(2))
    browser.sign_in(page=first)
    refused = browser.sign_in(page=second)
    assert refused.status_int == 403
    assert "Page expirée" in refused.text
    assert answer(browser.follow_inside(refused.click("Recommencer")))["code"], "no second password"


def test_the_success_page_leads_to_the_application_that_the_agent_came_from(browser, camille, piag):
    other = people.make_client("agenda", 2, redirect_uris=["https://agenda.example.fr/cb"])
    browser.sign_in()
    refusal = browser.follow_inside(browser.authorize())
    browser.authorize(other.client_id, redirect_uri="https://agenda.example.fr/cb")
    page = refusal.click("Activer OTP Mél et continuer vers PIAG")
    success = browser.follow_inside(browser.send_code(page, people.code()))
    assert answer(browser.follow_inside(success.click("Continuer vers PIAG")))["code"]


def test_the_success_page_leads_on_inside_the_site_too(browser, camille):
    browser.sign_in()
    success = browser.follow_inside(browser.send_code("/compte/deux-facteurs/otp-mel/?next=/aide/", people.code()))
    assert "Aide" in success.click("^Continuer$").text


def test_verification_without_a_method_decides_anew(browser, enrolled, piag):
    browser.sign_in()
    address = browser.authorize().location
    enrolled.otp_mel.remove()
    assert browser.follow_inside(browser.get(address)).status_int == 403


def test_c04_another_browser_cannot_continue_the_request(browser, camille, wiki):
    address = resume_address(browser.follow_inside(browser.authorize("wiki")))
    attacker = Browser()
    attacker.sign_in()
    assert attacker.get(address, expect_errors=True).status_int == 400
    login = browser.follow_inside(browser.get(address))
    assert login.request.path == "/connexion/"


def test_the_request_survives_sign_out_and_a_new_session(browser, camille, wiki):
    address = resume_address(browser.follow_inside(browser.authorize("wiki")))
    browser.sign_in()
    account = browser.get("/compte/")
    next(form for form in account.forms.values() if form.action == "/deconnexion/").submit()
    assert browser.get(address).location.startswith("/connexion/")
    browser.sign_in()
    assert answer(browser.get(address))["code"]


def test_it_is_told_and_resumed_from_the_account_page(browser, enrolled, piag):
    browser.authorize()
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    back = browser.get("/compte/").click("Continuer vers PIAG")
    assert answer(browser.follow_inside(back))["code"]


def test_it_expires_after_fifteen_minutes_with_a_page_that_says_what_to_do(browser, camille, wiki):
    with time_machine.travel(NOW, tick=False):
        address = resume_address(browser.follow_inside(browser.authorize("wiki")))
    with time_machine.travel(NOW + timedelta(minutes=14, seconds=59), tick=False):
        assert browser.get(address).location.startswith("/connexion/")
    with time_machine.travel(NOW + timedelta(minutes=15), tick=False):
        page = browser.get(address, expect_errors=True)
    assert page.status_int == 400
    assert "Ouvrez le service de nouveau" in page.text


def test_g04_the_code_page_tells_until_when_the_request_is_kept(browser, enrolled, piag):
    with time_machine.travel(NOW, tick=False):
        login = browser.follow_inside(browser.authorize())
        page = browser.follow_inside(browser.sign_in(page=login))
    assert "est gardée jusqu’à 10 h 15" in page.text


def test_a_second_click_on_continue_still_arrives_and_the_page_forgets(browser, camille, wiki):
    with time_machine.travel(NOW, tick=False):
        address = resume_address(browser.follow_inside(browser.authorize("wiki")))
        browser.sign_in()
        assert answer(browser.get(address))["code"] != answer(browser.get(address))["code"]
        assert "Continuer vers" not in browser.get("/compte/").text
    with time_machine.travel(NOW + timedelta(seconds=11), tick=False):
        assert browser.get(address, expect_errors=True).status_int == 400


def test_it_is_decided_anew_so_a_client_disabled_meanwhile_gets_nothing(browser, camille, wiki):
    address = resume_address(browser.follow_inside(browser.authorize("wiki")))
    browser.sign_in()
    wiki.enabled = False
    wiki.save()
    assert browser.get(address, expect_errors=True).status_int == 400


def test_it_is_decided_anew_so_a_minimum_raised_meanwhile_binds(browser, camille, wiki):
    address = resume_address(browser.follow_inside(browser.authorize("wiki")))
    browser.sign_in()
    wiki.minimum = 2
    wiki.save()
    assert browser.get(address, expect_errors=True).status_int == 403


def test_an_application_that_redirects_without_end_is_stopped_with_a_page(browser, wiki):
    for _ in range(50):
        assert browser.authorize("wiki").status_int == 303
    page = browser.authorize("wiki")
    assert (page.status_int, page.headers["Retry-After"]) == (429, "300")
    assert "Trop de demandes" in page.text
    assert Browser().authorize("wiki").status_int == 303
    with time_machine.travel(timezone.now() + timedelta(minutes=15)):
        assert browser.authorize("wiki").status_int == 303


@pytest.mark.parametrize("address", ["-" * 36, "0" * 36, "7f3a21c9-0000-4000-8000-00000000000g"])
def test_a_next_that_only_looks_like_one_is_no_fault(browser, wiki, address):
    browser.authorize("wiki")
    assert browser.get(f"/connexion/?next=/oidc/continuer/{address}/").status_int == 200


def test_expired_requests_go_as_new_ones_come(browser, wiki):
    with time_machine.travel(NOW, tick=False):
        for _ in range(3):
            browser.authorize("wiki")
    with time_machine.travel(NOW + timedelta(minutes=15), tick=False):
        browser.authorize("wiki")
    assert ParkedRequest.objects.count() == 1


def test_what_is_kept_tells_the_cookie_to_nobody(browser, wiki):
    browser.authorize("wiki")
    parked = ParkedRequest.objects.get()
    assert browser.cookies["cerbere_demande"] not in (parked.browser_digest, str(parked.parameters))


def test_the_cookie_is_closed_to_scripts_and_ends_with_the_browser(browser, wiki):
    response = browser.authorize("wiki")
    cookie = next(c for c in response.headers.getall("Set-Cookie") if c.strip().startswith("cerbere_demande="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "expires" not in cookie.lower()
    assert urlsplit(response.location).path == "/connexion/"


def test_a_client_that_relays_names_the_service_and_others_cannot(browser, camille, piag):
    for relays, expected in ((True, "Pour accéder à Agenda &lt;b&gt; (PIAG)."), (False, "Pour accéder à PIAG.")):
        type(piag).objects.update(relays=relays)
        page = browser.follow_inside(browser.authorize(sp_name="Agenda  <b>"))
        assert expected in page.text
    type(piag).objects.update(relays=True)
    refusal = browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize(sp_name="Agenda"))))
    assert "Accès interdit – Agenda (PIAG)" in refusal.text


def test_one_that_is_answered_waits_no_more_nor_one_of_a_disabled_client(browser, camille, wiki):
    browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize("wiki"))))
    waiting = ParkedRequest.objects.get()
    assert waiting.answered
    pages = ("/compte/", f"/compte/?next=/oidc/continuer/{waiting.id}/")
    for page in pages:
        assert "Vous venez de WIKI" not in browser.get(page).text
    ParkedRequest.objects.update(answered=False)
    for page in pages:
        assert "Vous venez de WIKI" in browser.get(page).text
    Client.objects.update(enabled=False)
    for page in pages:
        assert "Vous venez de WIKI" not in browser.get(page).text


def test_an_answer_lengthens_no_life(browser, camille, wiki):
    with time_machine.travel(NOW, tick=False) as moment:
        page = browser.follow_inside(browser.authorize("wiki"))
        moment.shift(timedelta(minutes=14, seconds=58))
        browser.sign_in(page=page)
    assert ParkedRequest.objects.get().expires_at == NOW + timedelta(minutes=15)


def test_its_cookie_is_for_https_where_the_sessions_is(browser, wiki, settings):
    assert "secure" not in browser.authorize("wiki").headers["Set-Cookie"].lower()
    settings.SESSION_COOKIE_SECURE = True
    assert "secure" in browser.authorize("wiki").headers["Set-Cookie"].lower()
