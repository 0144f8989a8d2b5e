"""Decide authorization requests: answer the application, or send the agent to the page that is needed first."""

from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import check_for_language

from accounts.models import Agent
from cerbere.audit.context import current_origin, make_reference
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.redirects import SeeOther
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.issue_code import issue_code
from cerbere.provider.authorization.models import ParkedRequest
from cerbere.provider.authorization.policy import Denied, Granted, Step, Terms, decide
from cerbere.provider.authorization.pushed_requests import load_pushed_request
from cerbere.provider.authorization.request import AuthorizationRequest, find_client, read_authorization_request
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import OAuthError
from cerbere.provider.parameters import Parameters
from cerbere.provider.responses import make_authorization_response
from cerbere.provider.tokens.subjects import compute_subject
from twofactor.facts import get_active_device_ids, read_facts
from twofactor.obligation import get_required_strength
from twofactor.strength import Strength


def authorize(request: HttpRequest, parameters: Parameters, now: datetime) -> HttpResponse:
    """Answer a new authorization request, or park it when the agent must act first (OpenID Connect Core §3.1.2).

    Raises PageError.
    """
    parameters = load_pushed_request(parameters, now)
    client = find_client(parameters)
    try:
        authorization = read_authorization_request(parameters, client, now)
        verdict = evaluate_request(request, authorization, now)
    except OAuthError as error:
        return make_authorization_response(request, parameters, **error.parameters)
    if isinstance(verdict, Step):
        return _park_and_redirect(request, authorization, verdict)
    return answer_client(request, authorization, verdict, now)


def resume(request: HttpRequest, parked: ParkedRequest, now: datetime) -> HttpResponse:
    """Read and decide a parked request again from the start, with the time at which it was received."""
    try:
        authorization = read_authorization_request(parked.parameters, parked.client, parked.received_at)
        verdict = evaluate_request(request, authorization, now)
    except OAuthError as error:
        return make_authorization_response(request, parked.parameters, **error.parameters)
    if verdict is Step.ENROL:
        return render_refusal(request, parked)
    if isinstance(verdict, Step):
        return SeeOther(_make_next_page_url(verdict, authorization, parked))
    return answer_client(request, authorization, verdict, now, parked)


def evaluate_request(
    request: HttpRequest, authorization: AuthorizationRequest, now: datetime
) -> Granted | Step | Denied:
    agent = request.user if isinstance(request.user, Agent) else None
    return decide(
        authorization.make_demand(compute_subject(agent, authorization.client) if agent else None),
        make_terms(authorization.client).with_minimum_level(get_required_strength(agent, now)),
        read_facts(request.session) if agent else (),
        get_active_device_ids(agent) if agent else frozenset(),
        now,
        settings.SECOND_FACTOR_MAX_AGE,
    )


def make_terms(client: Client) -> Terms:
    names = {Strength.PASSWORD: client.acr_password, Strength.TWO_FACTOR: client.acr_two_factor}
    return Terms(Strength(client.minimum), names)


def answer_client(
    request: HttpRequest,
    authorization: AuthorizationRequest,
    verdict: Granted | Denied,
    now: datetime,
    parked: ParkedRequest | None = None,
) -> HttpResponse:
    if isinstance(verdict, Granted):
        code = issue_code(request, authorization, verdict, now, parked)
        return make_authorization_response(request, authorization.parameters, code=code)
    if parked:
        parked_requests.mark_answered(parked, now)
    return make_authorization_response(request, authorization.parameters, error=verdict.error)


def _park_and_redirect(request: HttpRequest, authorization: AuthorizationRequest, step: Step) -> HttpResponse:
    parked = parked_requests.park_request(request, authorization)
    response = SeeOther(_make_next_page_url(step, authorization, parked))
    parked_requests.set_browser_cookie(request, response)
    _set_language_cookie(request, response, authorization.parameters.get("ui_locales", ""))
    return response


def _make_next_page_url(step: Step, authorization: AuthorizationRequest, parked: ParkedRequest) -> str:
    """Return the URL of the page where the agent takes this step; the refusal is shown at the resume URL."""
    resume_url = parked_requests.make_resume_url(parked)
    if step is Step.ENROL:
        return resume_url
    query = {"next": resume_url}
    if step is Step.LOG_IN and (hint := authorization.parameters.get("login_hint", "")[:254]):
        query["login_hint"] = hint
    page = reverse("verify" if step is Step.VERIFY else "sign_in")
    return f"{page}?{urlencode(query, safe='/')}"  # a query may hold slashes (RFC 3986 §3.4)


def _set_language_cookie(request: HttpRequest, response: HttpResponse, ui_locales: str) -> None:
    """Set the first supported language of `ui_locales`, unless the agent has chosen one (Core §3.1.2.1)."""
    supported = {code for code, _name in settings.LANGUAGES}
    wanted = [tag.partition("-")[0].lower() for tag in ui_locales.split()]
    language = next((tag for tag in wanted if tag in supported and check_for_language(tag)), None)
    if language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )  # fmt: skip


def render_refusal(request: HttpRequest, parked: ParkedRequest) -> HttpResponse:
    """Show « Accès interdit, authentification trop faible », with a link to the activation of a method."""
    query = urlencode({"next": parked_requests.make_resume_url(parked)})
    assert isinstance(request.user, Agent)
    event = record(Event.ACCESS_REFUSED, request.user, client_id=parked.client.client_id, reason="no_method")
    context = {
        "service": parked_requests.get_service_name(parked.client, parked.parameters),
        "at": event.at, "reference": make_reference(current_origin.get().request_id),
        "enrol_url": f"{reverse('add_otp_mel')}?{query}", "other_account_url": f"{reverse('sign_out')}?{query}",
    }  # fmt: skip
    return render(request, "provider/refused.html", context, status=403)
