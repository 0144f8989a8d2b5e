"""Every page that an agent can reach by a link: it answers, says what it is, in the language that was chosen."""

import html
import re
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest

from tests.support.people import Browser, code

pytestmark = pytest.mark.django_db
TITLE = re.compile(r"<title>(Erreur – |Error – )?[^<]+ – Cerbère</title>")
PUBLIC = ["/", "/connexion/", "/mot-de-passe-oublie/", "/telephone-perdu/", "/aide/", "/plan-du-site/",
          "/accessibilite/", "/mentions-legales/", "/donnees-personnelles/", "/deconnexion/",
          "/deconnexion/faite/"]  # fmt: skip
OF_AGENTS = ["/compte/", "/compte/mot-de-passe/", "/compte/deux-facteurs/otp-mel/"]


def links(page):
    """Return the URLs of this site on a page: links, images, scripts, styles, forms."""
    found = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    inside = (urljoin(page.request.url, html.unescape(link)) for link in found)
    return {link for link in inside if urlsplit(link).netloc == "localhost:8000"}


def ids(page):
    return re.findall(r'\bid="([^"]+)"', page.text)


def crawl(browser, starts):
    """Return every page that links lead to from these, each URL once, and the fragments of the links."""
    pages, to_see = {}, [urljoin("http://localhost:8000", start) for start in starts]
    fragments = set()
    while to_see:
        address = to_see.pop()
        if address in pages:
            continue
        page = pages[address] = browser.get(address, status="*")
        if page.status_int in (301, 302, 303):
            to_see.append(urldefrag(urljoin(address, page.location)).url)
        elif page.content_type == "text/html":
            found = links(page)
            fragments |= {link for link in found if urldefrag(link).fragment}
            to_see += [urldefrag(link).url for link in found]
    return pages, fragments


def speak_english(browser):
    form = next(form for form in browser.get("/aide/").forms.values() if form.action == "/langue/")
    page = form.submit("language", value="en").follow()
    assert page.request.path == "/aide/"
    return page


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("who", ["anonymous", "agent", "agent with two factors"])
def test_every_link_leads_to_a_sound_page(browser, enrolled, language, who):
    if language == "en":
        speak_english(browser)
    if who != "anonymous":
        browser.sign_in()
    if who == "agent with two factors":
        browser.send_code("/verification/", code())
    pages, fragments = crawl(browser, PUBLIC + (OF_AGENTS if who != "anonymous" else []))
    allowed = {"/langue/": (302, 405), "/compte/sessions/": (405,)}
    for address, page in pages.items():
        wanted = next((codes for path, codes in allowed.items() if path in address), (200, 302, 303))
        assert page.status_int in wanted, f"{page.status_int} {address}"
    shown = {a: p for a, p in pages.items() if p.status_int == 200 and p.content_type == "text/html"}
    assert len(shown) >= len(PUBLIC)
    for address, page in shown.items():
        check_page(address, page, language)
    for link in fragments:
        address, fragment = urldefrag(link)
        assert fragment in ids(shown.get(address, page)), link
    if who == "anonymous":
        assert not any("Camille" in page.text for page in shown.values())


def check_page(address, page, language):
    assert page.text.count("<h1") == 1, address
    assert TITLE.search(page.text), address
    assert f'<html lang="{language}"' in page.text, address
    assert len(ids(page)) == len(set(ids(page))), address
    assert "style=" not in page.text, address
    assert not re.search(r"\son[a-z]+=", page.text), address
    assert not re.search(r"<script(?![^>]+src=)", page.text), address


def test_no_name_before_login(camille):
    browser = Browser()
    browser.sign_in()
    browser.cookiejar.clear_session_cookies()
    for address in PUBLIC:
        page = browser.get(address)
        assert "Camille" not in page.text
        assert "Mon compte (" not in page.text


def test_the_name_is_in_the_header_after_login(browser, camille):
    browser.sign_in()
    header = browser.get("/aide/").text.partition("<main")[0]
    assert "Mon compte (Camille Durand)" in header


def test_english_by_the_selector_and_back(browser):
    english = speak_english(browser)
    assert "<h1>Help</h1>" in english.text
    form = next(form for form in english.forms.values() if form.action == "/langue/")
    assert "<h1>Aide</h1>" in form.submit("language", value="fr").follow().text


def test_french_unless_the_browser_asks_for_a_language_that_we_speak():
    for asked, language in {"de": "fr", "en-GB,en;q=0.9": "en", "x" * 600: "fr", "": "fr"}.items():
        browser = Browser()
        browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = asked
        assert f'<html lang="{language}"' in browser.get("/").text


@pytest.mark.parametrize("cookie", ["xx", "../../etc/passwd", "en\\000", "x" * 600])
def test_a_mangled_language_is_french(cookie):
    browser = Browser()
    browser.extra_environ["HTTP_COOKIE"] = f'cerbere_langue="{cookie}"'
    assert '<html lang="fr"' in browser.get("/").text


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test/"])
def test_the_language_form_leads_nowhere_outside(browser, target):
    form = next(form for form in browser.get("/aide/").forms.values() if form.action == "/langue/")
    form["next"] = target
    assert "evil.test" not in form.submit("language", value="en").location


def test_the_error_of_a_form_begins_the_title(browser, camille):
    answer = browser.sign_in(password="wrong")
    assert "<title>Erreur – Connexion – Cerbère</title>" in answer.text


def test_another_account_keeps_the_way_back(browser, camille, dominique, piag):
    refusal = browser.follow_inside(browser.sign_in(page=browser.follow_inside(browser.authorize())))
    asked = refusal.click("Changer de compte")
    form = next(f for f in asked.forms.values() if "next" in f.fields and f.action == "/deconnexion/")
    login = browser.follow_inside(form.submit())
    assert "Pour accéder à PIAG." in login.text


@pytest.mark.parametrize("path", ["/connexion/", "/compte/mot-de-passe/", "/verification/"])
def test_an_error_leads_to_its_field(browser, enrolled, path):
    if path != "/connexion/":
        browser.sign_in()
    page = browser.get(path)
    if path == "/compte/mot-de-passe/":
        page = browser.follow_inside(browser.send_code("/verification/?next=" + path, code()))
    answer = next(form for form in page.forms.values() if not form.action).submit()
    described = re.findall(r'aria-describedby="([^"]+)" aria-invalid="true"', answer.text)
    assert len(described) == answer.text.count("fr-message--error") > 0
    shown = ids(answer)
    assert {name for names in described for name in names.split()} <= set(shown)
    assert {link.fragment for link in map(urlsplit, links(answer)) if link.fragment} <= set(shown)


def test_the_name_typed_stays_and_nobody_else_sees_it(browser, camille):
    first = browser.get("/connexion/").text
    assert 'name="username" value="somebody"' in browser.sign_in("somebody", "wrong").text
    assert 'name="username" value="hinted"' in browser.get("/connexion/?login_hint=hinted").text
    assert 'name="username" value=""' in first
    assert 'name="username" value=""' in browser.get("/connexion/").text
