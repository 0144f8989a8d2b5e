"""What each login and each sign-on asks, answered before Django's handler.

The views, the session and the agent are the very same as behind it. What machines ask has no middleware: the language,
the messages, the CSRF token and what else only pages and forms need are left out, and what turns out to need a page
goes on to Django, as it came. The pages of a login have Django's middleware, but those that are done here for all.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import convert_exception_to_response, response_for_exception
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import resolve, reverse, set_script_prefix
from django.utils import timezone, translation
from django.utils.log import log_response
from django.utils.module_loading import import_string

from accounts.middleware import agent_of
from cerbere.audit.middleware import RequestIdMiddleware
from cerbere.portal.metrics import MetricsMiddleware
from cerbere.portal.middleware import ContentPolicyMiddleware, NoStoreMiddleware
from cerbere.provider.authorization.authorize import authorize
from cerbere.provider.authorization.request import query_of
from cerbere.provider.errors import PageError
from cerbere.provider.published import Application, Environment, StartResponse
from cerbere.readable import Request

Answer = Callable[[HttpRequest], HttpResponse]
Headers = list[tuple[str, str]]
Named = list[tuple[str, tuple[str, str]]]  # headers by their names in small letters
NOT_MODIFIED, BAD_REQUEST = 304, 400
OF_MACHINES = ("token", "userinfo", "revoke", "introspect", "push", "discovery", "jwks")
OF_A_LOGIN = ("sign_in", "verify")
DONE_HERE = (  # for every answer, or needless: the path is one of ours, and no file's
    "cerbere.audit.middleware.RequestIdMiddleware",
    "cerbere.portal.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cerbere.portal.middleware.NoStoreMiddleware",
    "django.middleware.common.CommonMiddleware",
)
WITH_A_PAGE = {"response_mode", "request_uri"}  # a form that sends itself; a request that serves once


class NeedsPage(Exception):
    """Nothing has been done yet."""


class Direct:
    """The WSGI application in front of Django's."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.answers: dict[str, Answer] = {}  # by path: addresses are not known at the start
        self.fixed: dict[bool, Named] = {}
        self.keeps_connections = bool(connections.settings[DEFAULT_DB_ALIAS]["CONN_MAX_AGE"])

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answers().get(environ["PATH_INFO"])
        if answer is None or environ.get("SCRIPT_NAME"):
            return self.application(environ, start_response)
        set_script_prefix("/")  # as Django's handler says it of every request
        request_started.send(sender=Direct)  # connections that are over are closed
        request = Request(environ)
        try:
            response = answer(request)
        except NeedsPage:
            return self.application(environ, start_response)
        finally:
            request.close()
            if not self.keeps_connections:
                request_finished.send(sender=Direct)
        start_response(f"{response.status_code} {response.reason_phrase}", self._headers(request, response))
        return [response.content]

    def _answers(self) -> dict[str, Answer]:
        if not self.answers:
            with_session: Any = SessionMiddleware(_authorize)
            authorize = {reverse("authorize"): with_session}
            pages = {path: _page(resolve(path).func) for path in map(reverse, OF_A_LOGIN)}
            answers = {path: resolve(path).func for path in map(reverse, OF_MACHINES)}
            self.answers = {path: _whole(resolve(path), view) for path, view in (answers | pages | authorize).items()}
        return self.answers

    def _headers(self, request: HttpRequest, response: HttpResponse) -> Headers:
        cookies = [("Set-Cookie", cookie.output(header="")) for cookie in response.cookies.values()]
        own = {name.lower() for name in response.headers}
        fixed = [pair for name, pair in self._fixed(request) if name not in own]
        length = [("Content-Length", str(len(response.content)))] if response.status_code != NOT_MODIFIED else []
        return [*response.items(), *cookies, *fixed, *length]

    def _fixed(self, request: HttpRequest) -> Named:
        """What the middleware of pages puts on every answer, learned from it once for each of http and https."""
        secure = request.is_secure()
        if secure not in self.fixed:
            chain: Any = NoStoreMiddleware(lambda _request: HttpResponse())
            for middleware in (XFrameOptionsMiddleware, ContentPolicyMiddleware, SecurityMiddleware):
                chain = middleware(chain)
            pairs = [pair for pair in chain(request).items() if pair[0] != "Content-Type"]
            self.fixed[secure] = [(pair[0].lower(), pair) for pair in pairs]
        return self.fixed[secure]


def _page(view: Answer) -> Answer:
    """Behind the middleware of pages, as Django's handler puts a view behind it."""
    looks: list[Any] = []  # before the view, from the outside to the inside

    def looked_at(request: HttpRequest) -> HttpResponse:
        answers = (look(request, view, (), {}) for look in looks)
        return next(filter(None, answers), None) or view(request)

    chain: Any = convert_exception_to_response(looked_at)
    for name in reversed(settings.MIDDLEWARE):
        if name not in DONE_HERE:
            chain = import_string(name)(chain)
            looks[:0] = [chain.process_view] if hasattr(chain, "process_view") else []
    answer: Answer = chain
    return answer


def _authorize(request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        raise NeedsPage
    try:
        parameters = query_of(request)
        if WITH_A_PAGE.isdisjoint(parameters):
            request.user = agent_of(request)
            return authorize(request, parameters, timezone.now())
    except PageError as error:
        raise NeedsPage from error
    raise NeedsPage


def _whole(match: Any, view: Answer) -> Answer:
    """With a request id, measured, and with our pages for what fails, in the language of the browser."""

    def answer(request: HttpRequest) -> HttpResponse:
        request.resolver_match = match
        try:
            request.get_host()  # refuses names that are not ours (ALLOWED_HOSTS)
            response = view(request)
        except NeedsPage:
            raise
        except Exception as exception:
            translation.activate(translation.get_language_from_request(request))
            response = response_for_exception(request, exception)
        if response.status_code >= BAD_REQUEST:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        return response

    return RequestIdMiddleware(MetricsMiddleware(answer))
