"""Pages by their stencil: what Django would render, and nothing of another reader."""

import re

import pytest
import time_machine
from django.shortcuts import render
from django.template import TemplateSyntaxError, engines
from django.urls import set_script_prefix

from accounts.models import Agent, AgentSession
from cerbere import stencil
from tests.support import people
from tests.support.people import NOW, Browser
from twofactor.otp_mel.forms import CodeForm

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w{64})"')
HOSTILE = "%s &lt; <b>\"R & D\"</b> 'x' 100 %%"
TO_A_PAGE = "/compte/?a=%22%3E%3Cb%3E&b=%25s"


def nobody(browser):
    return browser.get("/connexion/")


def somebody_on_the_way(browser):
    return browser.get(f"/connexion/?next={TO_A_PAGE}")


def somebody_with_a_name(browser):
    return browser.get("/connexion/?login_hint=camille.durand")


def in_english(browser):
    return browser.get("/connexion/?a=1", headers={"Accept-Language": "en"})


def for_an_application(browser):
    people.make_client(name=HOSTILE)
    return browser.follow_inside(browser.authorize())


def expired(browser):
    page = for_an_application(browser)
    browser.sign_in()
    AgentSession.objects.all().delete()
    return browser.get(page.request.path_qs)


def wrong_password(browser):
    return browser.sign_in(password="wrong")


def the_code(browser):
    people.activate_otp_mel(Agent.objects.get())
    return browser.follow_inside(browser.sign_in(page=for_an_application(browser)))


def the_code_in_the_evening(browser):
    with time_machine.travel(NOW.replace(hour=21, minute=50), tick=False):
        return the_code(browser)


def wrong_code(browser):
    return browser.send_code(the_code(browser), "000000")


def the_first_code(browser):
    browser.sign_in()
    return browser.get("/compte/deux-facteurs/otp-mel/")


def to_remove(browser):
    people.activate_otp_mel(Agent.objects.get())
    browser.sign_in()
    browser.send_code("/verification/", people.code())
    return browser.get("/compte/deux-facteurs/otp-mel/retirer/")


def to_renew(browser):
    device = people.activate_otp_mel(Agent.objects.get())
    device.mark_changed(NOW)
    browser.sign_in()
    return browser.follow_inside(browser.get("/verification/"))


def told_something(browser):
    """A message waits for the next page, whichever it is."""
    browser.send_code(to_remove(browser), people.code(steps=1))
    return browser.get("/connexion/")


ANEW = {  # what one reader alone sees
    somebody_with_a_name: 'value="camille.durand"',
    wrong_password: "est incorrect",
    wrong_code: "<title>Erreur",
    told_something: "fr-alert--success",
}
BY_STENCIL = [
    nobody, somebody_on_the_way, in_english, for_an_application, expired, the_code, the_code_in_the_evening,
    the_first_code, to_remove, to_renew,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_kept():
    stencil._stencil.cache_clear()
    yield
    set_script_prefix("/")


@pytest.fixture
def zoe(camille):
    """Whose name must be escaped."""
    camille.given_name, camille.family_name = 'Zoé "Z"', "O'Neil <i>%s</i>"
    camille.save()
    return camille


@pytest.fixture
def beside(monkeypatch):
    """Each page by its stencil, once made and once kept, and as Django renders it."""
    pages = []

    def thrice(request, template, context, status=200, by_stencil=stencil.render):
        answers = [by_stencil(request, template, context, status) for _ in range(2)]
        answers.append(render(request, template, context, status=status))
        pages.append([(answer.status_code, TOKEN.sub("", answer.text)) for answer in answers])
        return answers[0]

    monkeypatch.setattr(stencil, "render", thrice)
    return pages


@pytest.mark.usefixtures("zoe")
@pytest.mark.parametrize("reader", [*ANEW, *BY_STENCIL])
def test_it_says_what_django_would(reader, beside):
    with time_machine.travel(NOW, tick=False):
        page = reader(Browser())
    assert [made == kept == anew for made, kept, anew in beside] == [True] * len(beside)
    assert beside[-1][0] == (page.status_int, TOKEN.sub("", page.text))


@pytest.mark.usefixtures("zoe")
@pytest.mark.parametrize("reader", BY_STENCIL)
def test_it_is_rendered_once(reader, monkeypatch):
    with time_machine.travel(NOW, tick=False):
        browser = Browser()
        page = reader(browser)
        monkeypatch.setattr(stencil, "get_template", None)
        monkeypatch.setattr(stencil, "render_anew", None)
        again = browser.get(page.request.path_qs, headers=dict(page.request.headers))
    assert TOKEN.sub("", again.text) == TOKEN.sub("", page.text)


@pytest.mark.usefixtures("zoe")
@pytest.mark.parametrize(("reader", "said"), ANEW.items())
def test_what_one_reader_alone_sees_is_in_no_stencil(reader, said):
    with time_machine.travel(NOW, tick=False):
        page = reader(Browser())
        other = Browser().get(page.request.path)  # which redirects to the login page where it needs somebody
    assert said in page.text
    assert said not in other.text


def test_what_it_is_not_told_is_an_error(monkeypatch):
    """Django would show nothing, to every reader."""
    monkeypatch.setattr(stencil, "get_template", engines["django"].from_string)
    flags, texts = (("user.is_authenticated", True),), ("user.uid",)
    assert (
        stencil._stencil("{% if user.is_authenticated %}{{ user.uid }}{% endif %}", CodeForm, "fr", flags, texts)[1]
        == texts
    )
    without = (
        "{{ user.email }}",
        "{% if not user.email %}?{% endif %}",
        "{% if user.uid and user.email %}?{% endif %}",
    )
    for asks in without:
        with pytest.raises(TemplateSyntaxError, match="asks for email"):
            stencil._stencil(asks, CodeForm, "fr", flags, texts)


def test_each_language_and_each_organisation_has_its_own(db, settings):
    for brand in ("neutre", "R & F\n<b>", "neutre"):
        settings.BRAND = brand
        for language, word in {"fr": "Mot de passe oublié", "en": "Forgotten password"}.items():
            shown = Browser().get("/connexion/", headers={"Accept-Language": language}).text
            assert word in shown
            assert ("R &amp; F<br>&lt;b&gt;" in shown) == (brand != "neutre")


def test_another_root_leaves_nothing_behind(db):
    shown = [
        Browser().get("/connexion/", extra_environ={"SCRIPT_NAME": root}).text
        for root in ("/elsewhere", "", "/elsewhere")
    ]
    assert ['href="/elsewhere/aide/"' in page for page in shown] == [True, False, True]


def test_an_agent_is_never_named_to_another(enrolled, dominique):
    people.activate_otp_mel(dominique, people.DOMINIQUE_SECRET)
    shown = {}
    for uid in ("camille.durand", "dominique.morel"):
        browser = Browser()
        browser.sign_in(uid)
        shown[uid] = browser.get("/verification/?q=" + uid).text
    assert "Camille Durand" in shown["camille.durand"]
    assert "camille" not in shown["dominique.morel"].lower()
    nobody = Browser().get("/connexion/").text.lower()
    assert not any(name in nobody for name in ("camille", "dominique"))


def test_each_page_has_the_tokens_of_its_browser(db):
    pages = [Browser().get("/connexion/") for _ in range(3)]
    forms = [form for page in pages for name, form in page.forms.items() if isinstance(name, int)]
    tokens = {form["csrfmiddlewaretoken"].value for form in forms}
    assert len(forms) == 6
    assert len(tokens) == 3
    assert all(len(token) == 64 for token in tokens)
