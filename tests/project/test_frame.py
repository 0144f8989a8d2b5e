"""The frame: one framework, one way in, nothing private of a dependency."""

import ast

import pytest
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models.signals import post_save
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from accounts.models import Agent, AgentSession
from cerbere.audit.models import AuditEvent
from tests.support.paths import ROOT
from tests.support.people import Browser

PACKAGES = ("cerbere", "accounts", "twofactor", "piag_gateway")
EXAMPLES = {"uuid:": "00000000-0000-0000-0000-000000000000", "int:": "1", "path:": "1", "": "1"}  # by converter
SEEN: list[tuple[str, str]] = []


class Probe:
    """A middleware as an operator may add one."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        SEEN.append((type(self).__name__, request.path))
        response = self.get_response(request)
        response[f"X-{type(self).__name__}"] = "seen"
        return response


class First(Probe):
    pass


class Last(Probe):
    pass


def paths(patterns, prefix=""):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def example(route):
    """Return a path that this route matches."""
    parts = route.replace("^", "").replace("$", "").split("<")
    filled = [parts[0]]
    for part in parts[1:]:
        converter, _, rest = part.partition(">")
        kind = converter.partition(":")[0] + ":" if ":" in converter else ""
        filled += [EXAMPLES.get(kind, "1"), rest]
    return "/" + "".join(filled)


URLS = sorted({example(route) for route in paths(get_resolver("cerbere.urls").url_patterns) if "(?P" not in route})


@pytest.mark.django_db
def test_a_middleware_put_first_and_last_sees_every_url(settings):
    settings.MIDDLEWARE = [f"{__name__}.First", *settings.MIDDLEWARE, f"{__name__}.Last"]
    from django.core.wsgi import get_wsgi_application

    browser = Browser()
    browser.app = get_wsgi_application()
    assert len(URLS) > 60
    for url in URLS:
        SEEN.clear()
        answer = browser.get(url, expect_errors=True)
        assert SEEN[0] == ("First", url), url
        assert answer.headers["X-First"] == "seen", url
        assert ("Last", url) in SEEN or answer.status_int in (301, 302, 400, 403, 404, 405), url
    for url in ("/.well-known/openid-configuration", "/oidc/jwks", "/oidc/authorize", "/oidc/token", "/oidc/userinfo"):
        SEEN.clear()
        browser.get(url, expect_errors=True)
        assert [("First", url), ("Last", url)] == SEEN


@pytest.mark.django_db
def test_djangos_signals_of_a_sign_in_are_sent(browser, camille):
    sent = []

    def logged_in(sender, user, request, **_):
        sent.append(("in", user.uid, request.path))

    def failed(sender, credentials, request, **_):
        sent.append(("failed", credentials, request.path))

    user_logged_in.connect(logged_in)
    user_login_failed.connect(failed)
    try:
        browser.sign_in(password="wrong")
        browser.sign_in("a password in the wrong field", "x")
        browser.sign_in()
    finally:
        user_logged_in.disconnect(logged_in)
        user_login_failed.disconnect(failed)
    assert sent == [
        ("failed", {"username": "camille.durand"}, "/connexion/"),
        ("failed", {"username": ""}, "/connexion/"),
        ("in", "camille.durand", "/connexion/"),
    ]


@pytest.mark.django_db
def test_signals_of_models_are_sent(browser, camille):
    saved = set()

    def remember(sender, **_):
        saved.add(sender)

    post_save.connect(remember)
    try:
        browser.sign_in()
    finally:
        post_save.disconnect(remember)
    assert {Agent, AgentSession, AuditEvent} <= saved


# Private names of a dependency that the product uses all the same, each with its reason.
ALLOWED: dict[tuple[str, str], str] = {}


def python_files():
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts)


def private_names(tree):
    """Return the private names of other modules that this module imports or uses."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            imported |= {name.asname or name.name for name in node.names}
            yield from (name.name for name in node.names if is_private(name.name))
            yield from (part for part in (node.module or "").split(".") if is_private(part))
        elif isinstance(node, ast.Import):
            imported |= {(name.asname or name.name).partition(".")[0] for name in node.names}
    inherited = own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in inherited:
            yield f"{ast.unparse(node.value)}.{node.attr}"


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in ("_", "_meta")  # _meta is documented


def own_names(tree):
    """Return the private names that this module defines, or sets on its own objects."""
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    set_on_self = {
        node.attr
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef) and not owner.bases
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    declared = {
        node.target.id
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return defined | set_on_self | declared


def test_nothing_private_of_a_dependency_is_used():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in python_files()
        for name in private_names(ast.parse(path.read_text()))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "from django.middleware.csrf import _get_new_csrf_string",
        "from django.utils.translation import trans_real\ntrans_real._active = 1",
        "import logging\nlogging._srcfile = None",
        "from psycopg._preparing import PrepareManager",
        "def f(self, response):\n    response._csp_update = 1",
    ],
)
def test_a_private_name_would_be_found(code):
    assert list(private_names(ast.parse(code)))


VENDOR_ALLOWED = {  # commands, which no request runs
    "cerbere/core/imports/engine.py",
    "cerbere/portal/management/commands/after_restore.py",
}


def test_no_request_depends_on_the_databases_vendor():
    asking = {str(path.relative_to(ROOT)) for path in python_files() if ".vendor" in path.read_text()}
    assert asking == VENDOR_ALLOWED


def test_every_statement_goes_through_djangos_cursors():
    """A tracer of Django's cursors sees all: nothing sends by the driver itself."""
    drivers = ("psycopg", "sqlite3")
    sending = {
        str(path.relative_to(ROOT))
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0] in drivers
    }
    assert sending == {
        "cerbere/core/imports/seen_names.py",  # a private temporary file, no table of ours
        "cerbere/core/postgresql/base.py",  # the type of a connection
        "cerbere/demo/bnum.py",  # the Bnum's table, which is somebody else's
    }


def test_the_backend_of_the_database_is_djangos_with_what_is_documented():
    own = import_string("cerbere.core.postgresql.base.DatabaseWrapper")
    changed = {name for name in vars(own) if not name.startswith("__")}
    assert changed == {"get_new_connection", "is_usable"}
