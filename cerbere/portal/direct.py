"""What needs no page, answered before Django's handler: a sign-on passes here three times.

The views, the session and the agent are the very same as behind the middleware of pages; the language, the
messages, the CSRF token and what else only pages and forms need are left out. What turns out to need a page goes
on to Django, as it came.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.exception import response_for_exception
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import resolve, reverse
from django.utils import timezone, translation
from django.utils.log import log_response

from accounts.middleware import agent_of
from cerbere.audit.middleware import RequestIdMiddleware
from cerbere.portal.metrics import MetricsMiddleware
from cerbere.portal.middleware import ContentPolicyMiddleware, NoStoreMiddleware
from cerbere.provider.authorize import authorize
from cerbere.provider.errors import PageError
from cerbere.provider.published import Application, Environment, StartResponse
from cerbere.provider.request import query_of
from cerbere.readable import Request

Answer = Callable[[HttpRequest], HttpResponse]
Headers = list[tuple[str, str]]
Named = list[tuple[str, tuple[str, str]]]  # headers by their names in small letters
NOT_MODIFIED, BAD_REQUEST = 304, 400
OF_MACHINES = ("token", "userinfo", "revoke", "introspect", "push", "discovery", "jwks")
WITH_A_PAGE = {"response_mode", "request_uri"}  # a form that sends itself; a request that serves once


class NeedsPage(Exception):
    """Nothing has been done yet."""


class Direct:
    """The WSGI application in front of Django's."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.answers: dict[str, Answer] = {}  # by path: addresses are not known at the start
        self.fixed: dict[bool, Named] = {}

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answers().get(environ["PATH_INFO"])
        if answer is None or environ.get("SCRIPT_NAME"):
            return self.application(environ, start_response)
        request = Request(environ)
        try:
            response = answer(request)
        except NeedsPage:
            return self.application(environ, start_response)
        finally:
            request_finished.send(sender=Direct)  # connections go back into the pool
        start_response(f"{response.status_code} {response.reason_phrase}", self._headers(request, response))
        return [response.content]

    def _answers(self) -> dict[str, Answer]:
        if not self.answers:
            matches = {path: resolve(path) for path in map(reverse, OF_MACHINES)}
            answers = {path: _whole(match, match.func) for path, match in matches.items()}
            with_session: Any = SessionMiddleware(_authorize)
            address = reverse("authorize")
            self.answers = answers | {address: _whole(resolve(address), with_session)}
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
