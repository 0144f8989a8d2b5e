"""What is answered before Django's handler is what Django would have answered."""

import re
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, connection
from django.utils.module_loading import import_string
from webtest import TestApp

from cerbere.portal import direct
from cerbere.portal.direct import Direct
from tests.support import people
from tests.support.people import CALLBACK, answer, authorization

pytestmark = pytest.mark.django_db
OURS = {"HTTP_HOST": "localhost:8000", "REMOTE_ADDR": "192.0.2.10"}
OF_ONE_ANSWER = {"X-Request-ID", "Location", "Set-Cookie", "Content-Length", "Vary", "Content-Language"}

OF_ONE_PAGE = OF_ONE_ANSWER - {"Vary", "Content-Language"}
MOMENT = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}|<time.*")  # of a page: its reference and its time
DRAWN = re.compile(r"(?<=csrfmiddlewaretoken.\svalue=.)\w+|(?<=cerbere_csrf=)\w+|expires=[^;]+")


def no_django(_environ, _start_response):
    raise AssertionError("it went on to Django")


def both(method, path, **sent):
    """The answers of Django and of what stands before it."""
    people.keep_connection()
    for application in (get_wsgi_application(), Direct(no_django)):
        yield getattr(TestApp(application, extra_environ=OURS), method)(path, expect_errors=True, **sent)


def no_django_but(path):
    rest = get_wsgi_application()

    def application(environ, start_response):
        assert environ["PATH_INFO"].startswith(path)
        return rest(environ, start_response)

    return application


def told(response, of_one_answer=OF_ONE_ANSWER):
    return {name: value for name, value in response.headers.items() if name not in of_one_answer}


def cookies_of(response):
    return {DRAWN.sub("", cookie) for cookie in response.headers.getall("Set-Cookie")}


def asked(**parameters):
    return f"/oidc/authorize?{urlencode(authorization(**parameters))}"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("post", "/oidc/token", {"params": {"grant_type": "authorization_code", "code": "c"}}),
        ("get", "/oidc/token", {}),
        ("get", "/oidc/userinfo", {"headers": {"Authorization": "Bearer none"}}),
        ("post", "/oidc/introspect", {"params": {"token": "t"}}),
        ("post", "/oidc/revoke", {"params": {"token": "t" * 70_000}}),
        ("post", "/oidc/par", {}),
        ("get", "/oidc/jwks", {"headers": {"If-None-Match": '"other"'}}),
    ],
)
def test_machines_are_told_the_same(piag, method, path, sent):
    django, ours = both(method, path, **sent)
    assert (ours.status, told(ours)) == (django.status, told(django))
    assert MOMENT.sub("", ours.text) == MOMENT.sub("", django.text)
    assert len(ours.headers.getall("X-Request-ID")) == 1


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("get", "/connexion/", {}),
        ("head", "/connexion/", {}),
        ("get", "/connexion/?next=/aide/&login_hint=camille.durand", {"headers": {"Accept-Language": "en"}}),
        ("get", "/connexion/", {"headers": {"Cookie": "cerbere_session=" + "a" * 32}}),
        ("get", "/connexion/", {"headers": {"Cookie": "cerbere_langue=en; cerbere_csrf=" + "b" * 32}}),
        ("put", "/connexion/", {}),
        ("post", "/connexion/", {"params": {"username": "camille.durand", "password": "wrong"}}),  # no CSRF token
        ("post", "/connexion/", {"params": {"username": "a" * 70_000}}),
        ("post", "/connexion/", {"params": {str(n): "" for n in range(300)}}),
        ("post", "/connexion/", {"params": b"x", "headers": {"Content-Type": "multipart/form-data"}}),
        ("get", "/verification/", {}),
        ("get", "/verification/?next=/aide/", {}),
        ("delete", "/verification/", {}),
        ("post", "/verification/", {"params": {"code": "123456"}}),
    ],
)
def test_pages_of_a_login_are_the_same(camille, method, path, sent):
    django, ours = both(method, path, **sent)
    assert (ours.status, told(ours, OF_ONE_PAGE)) == (django.status, told(django, OF_ONE_PAGE))
    assert DRAWN.sub("", MOMENT.sub("", ours.text)) == DRAWN.sub("", MOMENT.sub("", django.text))
    assert ours.headers.get("Location", "") == django.headers.get("Location", "")
    assert cookies_of(ours) == cookies_of(django)
    assert len(ours.headers.getall("X-Request-ID")) == 1


def test_the_forms_of_a_login_lead_on_the_same_way(camille, piag):
    """Through both, from the application and back to it."""
    people.activate_otp_mel(camille)
    for steps, application in enumerate((get_wsgi_application(), Direct(no_django_but("/oidc/continuer/")))):
        browser = people.Browser()
        browser.app = application
        page = browser.follow_inside(browser.authorize())
        assert "form-action 'self' https://piag.example.fr" in page.headers["Content-Security-Policy"].split("; ")
        assert browser.sign_in(password="wrong", page=page).status_int == 200
        password = browser.sign_in(page=browser.get(page.request.path_qs))
        assert (password.status_int, password.location[:20]) == (303, "/verification/?next=")
        page = browser.follow_inside(password)
        assert browser.send_code(page, people.wrong_code()).status_int == 200
        asked_again = browser.get(page.request.path_qs)
        assert answer(browser.send_code(asked_again, people.code(steps=steps)))["code"]


def test_every_middleware_is_on_the_pages_of_a_login_or_done_in_its_place():
    assert set(direct.DONE_HERE) < set(settings.MIDDLEWARE)
    kept = [import_string(name) for name in settings.MIDDLEWARE if name not in direct.DONE_HERE]
    unheard = ("process_exception", "process_template_response")
    assert not [each for each in kept for name in unheard if hasattr(each, name)]


def test_connections_that_are_not_kept_are_closed_after_each_answer(db):
    ended = []
    request_finished.connect(lambda sender, **_: ended.append(sender), weak=False, dispatch_uid="ended")
    try:
        TestApp(Direct(no_django), extra_environ=OURS).get("/oidc/userinfo", status=401)
    finally:
        request_finished.disconnect(dispatch_uid="ended")
    assert ended == ([] if connection.vendor == "postgresql" else [Direct])


def test_a_request_that_must_wait_or_fails_is_led_on_the_same_way(piag):
    for parameters in ({}, {"prompt": "none"}, {"scope": "email"}):
        django, ours = both("get", asked(**parameters))
        assert (ours.status, told(ours)) == (django.status, told(django))
        assert ours.location.split("?")[0].split("/oidc/")[0] == django.location.split("?")[0].split("/oidc/")[0]
        assert {cookie.partition("=")[0] for cookie in ours.headers.getall("Set-Cookie")} == {
            cookie.partition("=")[0] for cookie in django.headers.getall("Set-Cookie")
        }


@pytest.mark.parametrize("fields", [{"redirect_uri": "https://evil.test/"}, {"client_id": "other"}])
def test_what_only_a_page_can_tell_goes_on_to_django(browser, piag, fields):
    page = browser.authorize(**fields)
    assert page.status_int == 400
    assert "<html" in page.text


def test_a_form_that_sends_itself_is_a_page_with_a_policy_of_its_own(browser, enrolled, piag):
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    page = browser.authorize(response_mode="form_post")
    assert f"form-action 'self' {CALLBACK.removesuffix('/oidc/callback/')}" in page.headers["Content-Security-Policy"]
    strange = browser.get(asked().replace("response_type", "response%5Fmode=form_post&response_type"))
    assert strange.forms
    assert "code" in answer(browser.authorize())


@pytest.mark.parametrize(("accepted", "words"), [("fr", "Réessayez"), ("en", "Try again")])
def test_a_database_that_is_down_is_told_in_the_language_of_the_browser(monkeypatch, accepted, words):
    def down(*_):
        raise OperationalError

    monkeypatch.setattr(direct, "authorize", down)
    application = TestApp(Direct(no_django), extra_environ=OURS)
    page = application.get(asked(), headers={"Accept-Language": accepted}, expect_errors=True)
    assert page.status_int == 503
    assert page.headers["Retry-After"]
    assert words.casefold() in page.text.casefold()


def test_another_name_than_ours_is_refused():
    application = TestApp(Direct(no_django), extra_environ=OURS | {"HTTP_HOST": "evil.test"})
    assert application.get("/oidc/userinfo", expect_errors=True).status_int == 400
