"""Park authorization requests that wait for the agent, and find the one that a page belongs to."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from cerbere.core.redirects import get_next_url
from cerbere.provider.authorization.models import PARKED_FOR, ParkedRequest
from cerbere.provider.authorization.request import AuthorizationRequest
from cerbere.provider.clients.models import Client
from cerbere.provider.errors import TooManyRequests
from cerbere.provider.hashes import digest
from cerbere.provider.parameters import Parameters
from cerbere.provider.responses import get_origin_of_url

MAX_PARKED_REQUESTS = 50  # in one browser; an application that redirects without end would park more
MAX_DELETED_AT_ONCE = 5
SERVICE_NAME_LENGTH = 100  # characters
RESUMABLE_AFTER_ANSWER = 10  # seconds: an agent who clicks twice resumes a request that was just answered


@dataclass(frozen=True)
class PendingRequest:
    """The facts of a parked request that pages show to the agent."""

    service_name: str
    parked: ParkedRequest
    origin: str

    @property
    def resume_url(self) -> str:
        return make_resume_url(self.parked)

    @property
    def hour(self) -> str:
        """Return the hour at which the request expires, in the agents' time zone."""
        return str(timezone.localtime(self.parked.expires_at).hour)

    @property
    def minute(self) -> str:
        return f"{timezone.localtime(self.parked.expires_at).minute:02}"


def get_cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}cerbere_demande"


def make_resume_url(parked: ParkedRequest) -> str:
    return reverse("resume", args=[parked.id])


def park_request(request: HttpRequest, authorization: AuthorizationRequest) -> ParkedRequest:
    """Keep the request for PARKED_FOR, bound to this browser (`set_browser_cookie`). Raises TooManyRequests."""
    _delete_some_expired(authorization.received_at)
    return ParkedRequest.objects.create(
        browser_digest=_ensure_browser_digest(request, authorization.received_at),
        client=authorization.client, parameters=authorization.parameters,
        received_at=authorization.received_at, expires_at=authorization.received_at + PARKED_FOR,
    )  # fmt: skip


def _ensure_browser_digest(request: HttpRequest, now: datetime) -> str:
    """Return the digest of this browser's cookie, which is made when there is none. Raises TooManyRequests."""
    if not request.COOKIES.get(get_cookie_name()):
        request.COOKIES[get_cookie_name()] = secrets.token_urlsafe(32)
        return _compute_browser_digest(request)
    browser_digest = _compute_browser_digest(request)
    if ParkedRequest.objects.filter(browser_digest=browser_digest, expires_at__gt=now).count() >= MAX_PARKED_REQUESTS:
        raise TooManyRequests
    return browser_digest


@transaction.atomic
def _delete_some_expired(now: datetime) -> None:
    """Delete at most MAX_DELETED_AT_ONCE expired requests, so that a flood of requests does not fill the table.

    The purge deletes the others. Transactions that run at the same time skip each other's rows, so none waits.
    """
    expired = ParkedRequest.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
    if keys := list(expired.values_list("pk", flat=True)[:MAX_DELETED_AT_ONCE]):
        ParkedRequest.objects.filter(pk__in=keys).delete()


def set_browser_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Set the session cookie to which the parked requests of this browser are bound."""
    response.set_cookie(
        get_cookie_name(), request.COOKIES[get_cookie_name()],
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip


def find_parked_request(request: HttpRequest, parked_id: uuid.UUID, now: datetime) -> ParkedRequest | None:
    """Return a request that is parked for this browser and whose client is still enabled, else None."""
    parked = ParkedRequest.objects.select_related("client").filter(pk=parked_id).first()
    if parked is None or parked.browser_digest != _compute_browser_digest(request):
        return None
    return parked if parked.expires_at > now and parked.client.enabled else None


def mark_answered(parked: ParkedRequest, now: datetime) -> None:
    """Mark the request as answered. It can be resumed for RESUMABLE_AFTER_ANSWER seconds more: a double click."""
    until = min(parked.expires_at, now + timedelta(seconds=RESUMABLE_AFTER_ANSWER))
    ParkedRequest.objects.filter(pk=parked.pk).update(expires_at=until, answered=True)


def find_pending_request(request: HttpRequest) -> PendingRequest | None:
    """Return the request that `next` names, else the latest one that is parked for this browser, else None."""
    if get_cookie_name() not in request.COOKIES:
        return None
    now = timezone.now()
    parked_id = _read_parked_id(get_next_url(request))
    parked = find_parked_request(request, parked_id, now) if parked_id else None
    if parked is None or parked.answered:
        parked = _find_latest(request, now)
    return _make_pending_request(parked) if parked else None


def _read_parked_id(target: str) -> uuid.UUID | None:
    """Return the id of the parked request that this URL resumes, None for any other URL."""
    try:
        match = resolve(target)
    except Resolver404:
        return None
    return match.kwargs["parked_id"] if match.url_name == "resume" else None


def _find_latest(request: HttpRequest, now: datetime) -> ParkedRequest | None:
    parked = ParkedRequest.objects.select_related("client").filter(
        browser_digest=_compute_browser_digest(request), expires_at__gt=now, answered=False, client__enabled=True
    )
    return parked.order_by("-received_at").first()


def _compute_browser_digest(request: HttpRequest) -> str:
    return digest(request.COOKIES.get(get_cookie_name(), ""))


def _make_pending_request(parked: ParkedRequest) -> PendingRequest:
    origin = get_origin_of_url(parked.parameters["redirect_uri"])
    return PendingRequest(get_service_name(parked.client, parked.parameters), parked, origin)


def get_service_name(client: Client, parameters: Parameters) -> str:
    """Return the name of the service that the agent opens: the client, or the one that a relay (ProConnect) names."""
    named = " ".join(parameters.get("sp_name", "").split())[:SERVICE_NAME_LENGTH]
    return f"{named} ({client.name})" if client.relays and named else client.name
