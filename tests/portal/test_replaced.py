"""What stands in the place of Django's own behaves as Django's."""

import secrets
from threading import Thread

import pytest
from django.conf import settings
from django.db import connections
from django.http import HttpResponse
from django.middleware import csrf
from django.middleware.locale import LocaleMiddleware
from django.test import RequestFactory, override_settings
from django.urls import base, get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import translation
from django.utils.translation import trans_real

from cerbere.portal import replaced
from cerbere.portal.middleware import LanguageMiddleware
from cerbere.portal.replaced import STRINGS, new_string, written

CHARS, LENGTH = csrf.CSRF_ALLOWED_CHARS, csrf.CSRF_SECRET_LENGTH
DRAWN = 2000
IMPROBABLE = 160  # a chi-square of 61 degrees of freedom: chance exceeds it once in ten thousand million times


def test_each_number_has_a_string_of_its_own():
    assert (written(0), written(STRINGS - 1)) == (CHARS[0] * LENGTH, CHARS[-1] * LENGTH)
    text = "Cerbere0123456789abcdefghijkXYZ9"
    assert written(sum(CHARS.index(char) * len(CHARS) ** place for place, char in enumerate(text))) == text


def test_numbers_come_from_all_of_the_range(monkeypatch):
    asked = []
    monkeypatch.setattr(replaced.secrets, "randbelow", lambda below: asked.append(below) or 0)
    assert new_string() == written(0)
    assert asked == [len(CHARS) ** LENGTH]


def test_strings_have_djangos_length_and_alphabet():
    drawn = {new_string() for _ in range(DRAWN)}
    assert len(drawn) == DRAWN
    assert all(len(text) == LENGTH and set(text) <= set(CHARS) for text in drawn)


def test_every_character_is_as_frequent_as_any_other_at_each_place_and_in_all():
    drawn = [new_string() for _ in range(DRAWN)]
    places = ["".join(characters) for characters in zip(*drawn, strict=True)]
    assert all(chi_square(text) < IMPROBABLE for text in [*places, "".join(drawn)])
    assert chi_square("".join(CHARS[byte % len(CHARS)] for byte in secrets.token_bytes(DRAWN * LENGTH))) > IMPROBABLE


def chi_square(text):
    expected = len(text) / len(CHARS)
    return sum((text.count(char) - expected) ** 2 / expected for char in CHARS)


def test_django_asks_us_for_secret_mask_and_rotation(monkeypatch):
    assert csrf._get_new_csrf_string is new_string
    monkeypatch.setattr(csrf, "_get_new_csrf_string", iter(map(written, range(10))).__next__)
    request = RequestFactory().get("/")
    token = csrf.get_token(request)
    assert (request.META["CSRF_COOKIE"], token[:LENGTH]) == (written(0), written(1))
    assert csrf._does_token_match(token, written(0))
    csrf.rotate_token(request)
    assert request.META["CSRF_COOKIE"] == written(2)


def test_settings_are_read_without_a_look_at_each():
    assert type(settings).__getattribute__ is object.__getattribute__


def test_settings_change_and_come_back():
    before = settings.BRAND
    with override_settings(BRAND="other", NEW_ONE=1):
        assert (settings.BRAND, settings.NEW_ONE) == ("other", 1)
    assert before == settings.BRAND
    with pytest.raises(AttributeError, match="NEW_ONE"):
        settings.NEW_ONE  # noqa: B018 - read for its error


def test_each_thread_has_its_own_language_prefix_and_addresses():
    seen = []

    def elsewhere():
        seen.append((translation.get_language(), get_script_prefix(), get_urlconf()))

    with translation.override("en"):
        try:
            set_script_prefix("/below/")
            set_urlconf("tests.nowhere")
            thread = Thread(target=elsewhere)
            thread.start()
            thread.join()
            here = (translation.get_language(), get_script_prefix(), get_urlconf())
        finally:
            set_script_prefix("/")
            set_urlconf(None)
    assert here == ("en", "/below/", "tests.nowhere")
    assert seen == [(settings.LANGUAGE_CODE, "/", None)]


def test_each_thread_has_its_own_connection():
    elsewhere = []
    thread = Thread(target=lambda: elsewhere.extend([connections["default"], connections["default"]]))
    thread.start()
    thread.join()
    first, again = elsewhere
    assert first is again
    assert first is not connections["default"]


def test_django_still_keeps_them_where_ours_stand():
    with translation.override("en"):
        assert str(trans_real._active.value.language()) == "en"
    set_script_prefix("/")
    assert base._prefixes.value == "/"
    assert connections._connections.default is connections["default"]


@pytest.mark.parametrize("cookie", ["", "fr", "en", "de", "nonsense"])
@pytest.mark.parametrize("accepted", ["", "en-GB,en;q=0.8", "de", "*", "de,en;q=0.5,fr;q=0.1"])
@pytest.mark.parametrize("own", [{}, {"Content-Language": "de", "Vary": "Cookie"}])
def test_the_language_is_what_djangos_middleware_says(cookie, accepted, own):
    def view(request):
        return HttpResponse(f"{request.LANGUAGE_CODE} {translation.get_language()}", headers=own)

    request = RequestFactory().get("/en/compte/", headers={"Accept-Language": accepted})
    request.COOKIES = {settings.LANGUAGE_COOKIE_NAME: cookie} if cookie else {}
    with translation.override("fr"):
        ours, theirs = LanguageMiddleware(view)(request), LocaleMiddleware(view)(request)
    assert (ours.content, list(ours.items())) == (theirs.content, list(theirs.items()))
