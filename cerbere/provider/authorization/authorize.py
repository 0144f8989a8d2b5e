"""The authorization endpoint's act: decide, then answer the application or lead the agent on."""

from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import check_for_language

from accounts.models import Agent
from cerbere.audit.context import current_origin, reference_of
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.redirects import SeeOther
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.issue_code import issue_code
from cerbere.provider.authorization.models import ParkedRequest
from cerbere.provider.authorization.policy import Denied, Granted, Step, Terms, decide
from cerbere.provider.authorization.pushed_requests import load_pushed_request
from cerbere.provider.authorization.request import AuthorizationRequest, find_client, read
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.parameters import Parameters
from cerbere.provider.responses import to_client
from cerbere.provider.tokens.subjects import subject
from twofactor.facts import get_active_device_ids, read_facts
from twofactor.obligation import get_required_strength
from twofactor.strength import Strength


def authorize(request: HttpRequest, parameters: Parameters, now: datetime) -> HttpResponse:
    """Answer a request that has just come (OpenID Connect Core §3.1.2). Raises PageError.

    What cannot be granted at once is parked.
    """
    parameters = load_pushed_request(parameters, now)
    client = find_client(parameters)
    try:
        authorization = read(parameters, client, now)
        verdict = evaluate(request, authorization, now)
    except OAuthError as error:
        return to_client(request, parameters, **error.parameters)
    if isinstance(verdict, Step):
        return _park(request, authorization, verdict)
    return answer(request, authorization, verdict, now)


def resume(request: HttpRequest, waiting: ParkedRequest, now: datetime) -> HttpResponse:
    """Take a parked request up again: all of it is read and decided anew, as of when it came."""
    try:
        authorization = read(waiting.parameters, waiting.client, waiting.received_at)
        verdict = evaluate(request, authorization, now)
    except OAuthError as error:
        return to_client(request, waiting.parameters, **error.parameters)
    if verdict is Step.ENROL:
        return refusal_page(request, waiting)
    if isinstance(verdict, Step):
        return SeeOther(_interaction(verdict, authorization, waiting))
    return answer(request, authorization, verdict, now, waiting)


def evaluate(request: HttpRequest, authorization: AuthorizationRequest, now: datetime) -> Granted | Step | Denied:
    agent = request.user if isinstance(request.user, Agent) else None
    return decide(
        authorization.demand(subject(agent, authorization.client) if agent else None),
        terms_of(authorization.client).with_least(get_required_strength(agent, now)),
        read_facts(request.session) if agent else (),
        get_active_device_ids(agent) if agent else frozenset(),
        now,
        settings.SECOND_FACTOR_MAX_AGE,
    )


def terms_of(client: Client) -> Terms:
    names = {Strength.PASSWORD: client.acr_password, Strength.TWO_FACTOR: client.acr_two_factor}
    return Terms(Strength(client.minimum), names)


def answer(
    request: HttpRequest,
    authorization: AuthorizationRequest,
    verdict: Granted | Denied,
    now: datetime,
    waiting: ParkedRequest | None = None,
) -> HttpResponse:
    if isinstance(verdict, Granted):
        code = issue_code(request, authorization, verdict, now, waiting)
        return to_client(request, authorization.parameters, code=code)
    if waiting:
        parked_requests.mark_answered(waiting, now)
    return to_client(request, authorization.parameters, error=verdict.error)


def _park(request: HttpRequest, authorization: AuthorizationRequest, step: Step) -> HttpResponse:
    waiting = parked_requests.park(request, authorization)
    response = SeeOther(_interaction(step, authorization, waiting))
    parked_requests.bind(request, response)
    _set_language_cookie(request, response, authorization.parameters.get("ui_locales", ""))
    return response


def _interaction(step: Step, authorization: AuthorizationRequest, waiting: ParkedRequest) -> str:
    """The page of the next step; the refusal is shown at the request's own address."""
    then = parked_requests.resume_url(waiting)  # its slashes stay as they are: a query may have them (RFC 3986 §3.4)
    if step is Step.ENROL:
        return then
    if step is Step.VERIFY:
        return f"{reverse('verify')}?{urlencode({'next': then}, safe='/')}"
    hint = authorization.parameters.get("login_hint", "")[:254]
    return f"{reverse('sign_in')}?{urlencode({'next': then} | ({'login_hint': hint} if hint else {}), safe='/')}"


def _set_language_cookie(request: HttpRequest, response: HttpResponse, ui_locales: str) -> None:
    """The first language that we know, unless the agent has chosen one (OpenID Connect Core §3.1.2.1)."""
    known = {code for code, _name in settings.LANGUAGES}
    wanted = [tag.partition("-")[0].lower() for tag in ui_locales.split()]
    language = next((tag for tag in wanted if tag in known and check_for_language(tag)), None)
    if language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )  # fmt: skip


def refusal_page(request: HttpRequest, waiting: ParkedRequest) -> HttpResponse:
    """« Accès interdit, authentification trop faible »: what is missing, and the way to it."""
    then = urlencode({"next": parked_requests.resume_url(waiting)})
    assert isinstance(request.user, Agent)
    event = record(Event.ACCESS_REFUSED, request.user, client_id=waiting.client.client_id, reason="no_method")
    context = {
        "service": parked_requests.service_name(waiting.client, waiting.parameters),
        "at": event.at, "reference": reference_of(current_origin.get().request_id),
        "enrol_url": f"{reverse('add_otp_mel')}?{then}", "other_account_url": f"{reverse('sign_out')}?{then}",
    }  # fmt: skip
    return render(request, "provider/refused.html", context, status=403)
