"""The provider's endpoints: each reads, calls one act, answers."""

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
from cerbere.provider.clients.authentication import authenticate
from cerbere.provider.clients.models import Client
from cerbere.provider.discovery import configuration
from cerbere.provider.errors import OAuthError, PageError
from cerbere.provider.keys import signing
from cerbere.provider.logout import rp_initiated as logout
from cerbere.provider.parameters import Parameters, form_of, query_of
from cerbere.provider.responses import error_page, json_error, origin_of_uri
from cerbere.provider.tokens.introspection import introspect as introspect_act
from cerbere.provider.tokens.revocation import revoke as revoke_act
from cerbere.provider.tokens.token import token as token_act
from cerbere.provider.tokens.userinfo import userinfo as userinfo_act

View = Callable[..., HttpResponse]
LONGEST_ADDRESS = 8000  # characters; servers take request lines of 8 kB
PUBLISHED_FOR = 3600  # seconds; a new key is published long before it signs


def pages_for_errors(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except PageError as error:
            return error_page(request, error)

    return wrapped


def json_for_errors(view: View) -> View:
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except OAuthError as error:
            return json_error(error)

    return wrapped


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=PUBLISHED_FOR)
def discovery(request: HttpRequest) -> HttpResponse:
    return JsonResponse(configuration())


@login_not_required
@require_safe
@conditional_page
@cache_control(public=True, max_age=PUBLISHED_FOR)
def jwks(request: HttpRequest) -> HttpResponse:
    return JsonResponse(signing.public_jwks(), content_type="application/jwk-set+json")


@login_not_required
@csrf_exempt  # applications post here from their own pages; nothing is changed for the agent
@require_http_methods(["GET", "POST"])
@pages_for_errors
def authorize(request: HttpRequest) -> HttpResponse:
    return _as_get(request) or authorize_act(request, query_of(request), timezone.now())


@login_not_required
@require_GET
@pages_for_errors
def resume(request: HttpRequest, parked_id: uuid.UUID) -> HttpResponse:
    now = timezone.now()
    waiting = parked_requests.find(request, parked_id, now)
    if waiting is None:
        raise PageError("expired")
    return resume_act(request, waiting, now)


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@json_for_errors
def token(request: HttpRequest) -> HttpResponse:
    return JsonResponse(token_act(request, form_of(request), timezone.now()))


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@json_for_errors
def revoke(request: HttpRequest) -> HttpResponse:
    revoke_act(*_of_client(request))
    return HttpResponse()


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@json_for_errors
def introspect(request: HttpRequest) -> HttpResponse:
    return JsonResponse(introspect_act(*_of_client(request)))


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_POST
@json_for_errors
def push(request: HttpRequest) -> HttpResponse:
    return JsonResponse(push_act(*_of_client(request)), status=201)


def _of_client(request: HttpRequest) -> tuple[Client, Parameters, datetime]:
    """What an application posts by itself, once it has proved who it is. Raises OAuthError."""
    now = timezone.now()
    parameters = form_of(request)
    return authenticate(request, parameters, now), parameters, now


@login_not_required
@csrf_exempt
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@json_for_errors
def userinfo(request: HttpRequest) -> HttpResponse:
    told = userinfo_act(request, timezone.now())
    return HttpResponse(told, content_type="application/jwt") if isinstance(told, str) else JsonResponse(told)


@login_not_required
@csrf_exempt  # applications may post here; without a token of this agent it only asks
@require_http_methods(["GET", "POST"])
@pages_for_errors
def end_session(request: HttpRequest) -> HttpResponse:
    return _as_get(request) or _end(request, query_of(request))


def _end(request: HttpRequest, parameters: Parameters) -> HttpResponse:
    asked = logout.read(parameters)
    if not logout.may_end_at_once(request, asked):
        return _ask(request, parameters, asked)
    logout.end(request, asked)
    return SeeOther(asked.redirect_to or reverse("signed_out"))


@login_not_required
@csrf_protect
@require_POST
@pages_for_errors
def confirm_end_session(request: HttpRequest) -> HttpResponse:
    parameters = form_of(request)
    asked = logout.read({name: value for name, value in parameters.items() if name in logout.PARAMETERS})
    logout.end(request, asked)
    return SeeOther(asked.redirect_to or reverse("signed_out"))


def _ask(request: HttpRequest, parameters: Parameters, asked: logout.LogoutRequest) -> HttpResponse:
    fields = [(name, parameters[name]) for name in logout.PARAMETERS if name in parameters]
    response = render(request, "provider/logout.html", {"fields": fields})
    allow_form_action(response, origin_of_uri(asked.redirect_to) if asked.redirect_to else None)
    return response


def _as_get(request: HttpRequest) -> HttpResponse | None:
    """A POST from another site carries no cookie of ours: the browser asks again by GET, with them."""
    if request.method != "POST":
        return None
    address = f"{request.path}?{urlencode(form_of(request))}"
    if len(address) > LONGEST_ADDRESS:
        raise PageError("invalid_request", "the request is too long")
    return SeeOther(address)
