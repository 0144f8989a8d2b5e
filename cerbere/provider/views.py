"""The provider's endpoints: each view reads the request, calls one function, and answers."""

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import conditional_page, require_GET, require_http_methods, require_POST, require_safe

from cerbere.core.redirects import SeeOther
from cerbere.provider.authorization import parked_requests
from cerbere.provider.authorization.authorize import authorize as authorize_act
from cerbere.provider.authorization.authorize import resume as resume_act
from cerbere.provider.authorization.middleware import allow_form_action
from cerbere.provider.authorization.pushed_requests import push as push_act
from cerbere.provider.clients.authentication import authenticate_client
from cerbere.provider.clients.models import Client
from cerbere.provider.discovery import make_configuration
from cerbere.provider.errors import OAuthError, PageError
from cerbere.provider.keys import signing
from cerbere.provider.logout import rp_initiated as logout
from cerbere.provider.parameters import Parameters, read_form, read_query
from cerbere.provider.responses import get_origin_of_url, make_json_error, render_error_page
from cerbere.provider.tokens.introspection import introspect as introspect_act
from cerbere.provider.tokens.revocation import revoke as revoke_act
from cerbere.provider.tokens.token import token as token_act
from cerbere.provider.tokens.userinfo import userinfo as userinfo_act

View = Callable[..., HttpResponse]
URL_LENGTH = 8000  # characters; servers take request lines of 8 kB
PUBLISHED_FOR = 3600  # seconds; a new key is published long before it signs


def render_errors_as_pages(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PageError as error:
            return render_error_page(request, error)

    return wrapped


def render_errors_as_json(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except OAuthError as error:
            return make_json_error(error)

    return wrapped


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=PUBLISHED_FOR)
def discovery(request: HttpRequest) -> HttpResponse:
    return HttpResponse(make_configuration(), content_type="application/json")


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=PUBLISHED_FOR)
def jwks(request: HttpRequest) -> HttpResponse:
    return JsonResponse(signing.export_public_jwks(), content_type="application/jwk-set+json")


@login_not_required
@csrf_exempt  # applications post here from their own pages; nothing is changed for the agent
@require_http_methods(["GET", "POST"])
@render_errors_as_pages
def authorize(request: HttpRequest) -> HttpResponse:
    return _repeat_by_get(request) or authorize_act(request, read_query(request), timezone.now())


@login_not_required
@require_GET
@render_errors_as_pages
def resume(request: HttpRequest, parked_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    parked = parked_requests.find_parked_request(request, parked_id, now)
    if parked is None:
        raise PageError("expired")
    return resume_act(request, parked, now)


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@render_errors_as_json
def token(request: HttpRequest) -> HttpResponse:
    return JsonResponse(token_act(request, read_form(request), timezone.now()))


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@render_errors_as_json
def revoke(request: HttpRequest) -> HttpResponse:
    revoke_act(*_authenticate_request(request))
    return HttpResponse()


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@render_errors_as_json
def introspect(request: HttpRequest) -> HttpResponse:
    return JsonResponse(introspect_act(*_authenticate_request(request)))


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@render_errors_as_json
def push(request: HttpRequest) -> HttpResponse:
    return JsonResponse(push_act(*_authenticate_request(request)), status=201)


def _authenticate_request(request: HttpRequest) -> tuple[Client, Parameters, datetime]:
    """Return the client that posted this form, its parameters and the time. Raises OAuthError."""
    now = timezone.now()
    parameters = read_form(request)
    return authenticate_client(request, parameters, now), parameters, now


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@render_errors_as_json
def userinfo(request: HttpRequest) -> HttpResponse:
    claims = userinfo_act(request, timezone.now())
    return HttpResponse(claims, content_type="application/jwt") if isinstance(claims, str) else JsonResponse(claims)


@login_not_required
@csrf_exempt  # applications may post here; without an ID token of this agent, a page asks for confirmation
@require_http_methods(["GET", "POST"])
@render_errors_as_pages
def end_session(request: HttpRequest) -> HttpResponse:
    return _repeat_by_get(request) or _end_or_ask(request, read_query(request))


def _end_or_ask(request: HttpRequest, parameters: Parameters) -> HttpResponse:
    logout_request = logout.read_logout_request(parameters)
    if not logout.can_end_at_once(request, logout_request):
        return _ask_for_confirmation(request, parameters, logout_request)
    logout.end_session(request, logout_request)
    return SeeOther(logout_request.redirect_to or reverse("signed_out"))


@login_not_required
@csrf_protect
@require_POST
@render_errors_as_pages
def confirm_end_session(request: HttpRequest) -> HttpResponse:
    parameters = read_form(request)
    logout_request = logout.read_logout_request(
        {name: value for name, value in parameters.items() if name in logout.PARAMETERS}
    )
    logout.end_session(request, logout_request)
    return SeeOther(logout_request.redirect_to or reverse("signed_out"))


def _ask_for_confirmation(
    request: HttpRequest, parameters: Parameters, logout_request: logout.LogoutRequest
) -> HttpResponse:
    fields = [(name, parameters[name]) for name in logout.PARAMETERS if name in parameters]
    response = render(request, "provider/logout.html", {"fields": fields})
    allow_form_action(response, get_origin_of_url(logout_request.redirect_to) if logout_request.redirect_to else None)
    return response


def _repeat_by_get(request: HttpRequest) -> HttpResponse | None:
    """Redirect a POST to the same request by GET: a POST from another site carries no cookie of ours."""
    if request.method != "POST":
        return None
    url = f"{request.path}?{urlencode(read_form(request))}"
    if len(url) > URL_LENGTH:
        raise PageError("invalid_request", "the request is too long")
    return SeeOther(url)
