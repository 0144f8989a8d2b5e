"""`{% once %}`: rendered once a process, and nothing of a request can be in it."""

import uuid
from pathlib import Path

import pytest
from django.template import Context, Engine, TemplateSyntaxError, VariableDoesNotExist, engines
from django.test import RequestFactory
from django.urls import NoReverseMatch, set_script_prefix
from django.utils import translation

from cerbere.once import OnceNode
from tests.people import Browser

NEUTRAL = {"brand": "neutre", "support_contact": "", "accessibility_state": "non conforme", "demo": False}
STATE = NEUTRAL | {"brand": "République\nFrançaise", "accessibility_state": "totalement conforme"}
SITES = {"none": {}, "neutral": NEUTRAL, "State": STATE, "PIAG": {"brand": "neutre", "issuer": "http://localhost:8000"}}
TEMPLATES = Path(__file__).parent.parent / "templates"
NAMES = sorted(
    path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html") if "{% once %}" in path.read_text()
)


def render(source, **context):
    return engines["django"].from_string("{% load i18n once %}" + source).template.render(Context(context))


@pytest.mark.parametrize(
    ("inside", "asked"),
    {
        "{{ user }}": "user",
        "{{ user.uid }}": "user",
        "{% if user.is_authenticated %}somebody{% endif %}": "user",
        "{% if site.brand == user.uid %}same{% endif %}": "user",
        "{% if user in messages %}{% endif %}": "messages, user",
        "{% for message in messages %}{{ message }}{% endfor %}": "messages",
        "{% with name=user.uid %}{{ name }}{% endwith %}": "user",
        "{% blocktranslate %}Accès de {{ uid }}{% endblocktranslate %}": "uid",
        "{% blocktranslate with uid=user.uid %}Accès de {{ uid }}{% endblocktranslate %}": "user",
        "{% csrf_token %}": "csrf_token",
        '{% include "ui/language.html" %}': "csrf_token, request",
        '{% include "ui/account_links.html" %}': "csrf_token, user",
        '{% include "ui/alert.html" with text=message kind="info" title="" id="" focus="" only %}': "message",
    }.items(),
)
def test_what_depends_on_the_request_is_an_error(camille, inside, asked):
    given = {"user": camille, "csrf_token": "secret", "messages": [camille], "uid": "x", "message": "x"}
    with pytest.raises(TemplateSyntaxError, match=f" asks for {asked}$"):
        render("{% once %}" + inside + "{% endonce %}", request=RequestFactory().get("/"), **given)


@pytest.mark.parametrize("inside", ["{{ site.brand|default:user }}", "{% url 'end_own_session' sid %}"])
def test_so_it_is_where_django_itself_complains(camille, inside):
    with pytest.raises((VariableDoesNotExist, NoReverseMatch)):
        render("{% once %}" + inside + "{% endonce %}", user=camille, sid=uuid.uuid4())


def test_a_block_inside_is_an_error():
    with pytest.raises(TemplateSyntaxError, match="block"):
        render("{% once %}{% if site %}{% block main %}{% endblock %}{% endif %}{% endonce %}")


def engine(files):
    return Engine(loaders=[("django.template.loaders.locmem.Loader", files)], libraries={"once": "cerbere.once"})


def test_it_is_rendered_once():
    files = {"part": "first"}
    template = engine(files).from_string('{% load once %}{% once %}{% include "part" %}{% endonce %}')
    assert template.render(Context()) == "first"
    files["part"] = "second"
    assert template.render(Context()) == "first"


def test_each_language_and_each_organisation_has_its_own():
    source = '{% load i18n once %}{% once %}{% translate "Aide" %} {{ site.brand }}{% endonce %}'
    template = engines["django"].from_string(source).template
    for _ in range(2):
        for language, word in {"fr": "Aide", "en": "Help"}.items():
            for brand in ("neutre", "R & F"):
                with translation.override(language):
                    shown = template.render(Context({"site": {"brand": brand}}))
                assert shown == f"{word} {brand.replace('&', '&amp;')}"


@pytest.fixture
def _root_afterwards():
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("_root_afterwards")
def test_a_request_for_another_root_leaves_nothing_behind():
    template = engines["django"].from_string("{% load once %}{% once %}{% url 'help' %}{% endonce %}").template
    set_script_prefix("/elsewhere/")
    assert template.render(Context()) == "/elsewhere/aide/"
    set_script_prefix("/")
    assert template.render(Context()) == "/aide/"


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_one_of_ours_stands_alone(name, language, site):
    """In each variant: what only one organisation's pages show would fail at theirs alone."""
    template = engines["django"].get_template(name).template
    context = Context({"site": SITES[site]})
    with translation.override(language), context.bind_template(template):
        for node in template.nodelist.get_nodes_by_type(OnceNode):
            node.kept.clear()
            assert node.render(context)


def test_an_agent_is_never_named_to_another(camille, dominique):
    shown = {}
    for uid in ("camille.durand", "dominique.morel"):
        browser = Browser()
        browser.sign_in(uid)
        shown[uid] = browser.get("/aide/?q=" + uid).text
    assert "Camille Durand" in shown["camille.durand"]
    assert "camille" not in shown["dominique.morel"].lower()
    nobody = Browser().get("/connexion/").text.lower()
    assert not any(name in nobody for name in ("camille", "dominique"))


@pytest.mark.django_db
def test_each_page_has_the_tokens_of_its_browser():
    forms = [form for _ in range(3) for form in Browser().get("/connexion/").forms.values()]
    tokens = {form["csrfmiddlewaretoken"].value for form in forms}
    assert len(forms) == 6
    assert len(tokens) == 3
    assert all(len(token) == 64 for token in tokens)
