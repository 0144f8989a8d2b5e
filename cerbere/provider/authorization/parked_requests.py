"""Authorization requests that wait for the agent, and the one that this page belongs to."""

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
from cerbere.provider.responses import origin_of_uri

WAITING_AT_MOST = 50  # requests of one browser: more is an application that redirects without end
FORGOTTEN_AT_ONCE = 5
LONGEST_NAME = 100  # characters
ANSWERED_FOR = 10  # seconds that a granted request can still be resumed: the button was clicked twice


@dataclass(frozen=True)
class Pending:
    """What pages tell the agent of the request that waits."""

    service_name: str
    parked: ParkedRequest
    origin: str

    @property
    def resume_url(self) -> str:
        return resume_url(self.parked)

    @property
    def hour(self) -> str:
        """Of the end, on the agents' clocks."""
        return str(timezone.localtime(self.parked.expires_at).hour)

    @property
    def minute(self) -> str:
        return f"{timezone.localtime(self.parked.expires_at).minute:02}"


def cookie_name() -> str:
    return f"{settings.COOKIE_PREFIX}cerbere_demande"


def resume_url(parked: ParkedRequest) -> str:
    return reverse("resume", args=[parked.id])


def park(request: HttpRequest, authorization: AuthorizationRequest) -> ParkedRequest:
    """Keep the request for PARKED_FOR, bound to this browser's own cookie (see `bind`). Raises TooManyRequests."""
    _forget_some_expired(authorization.received_at)
    return ParkedRequest.objects.create(
        browser_digest=_own_browser(request, authorization.received_at),
        client=authorization.client, parameters=authorization.parameters,
        received_at=authorization.received_at, expires_at=authorization.received_at + PARKED_FOR,
    )  # fmt: skip


def _own_browser(request: HttpRequest, now: datetime) -> str:
    """This browser's cookie, new when it has none: then nothing waits in it. Raises TooManyRequests."""
    if not request.COOKIES.get(cookie_name()):
        request.COOKIES[cookie_name()] = secrets.token_urlsafe(32)
    elif ParkedRequest.objects.filter(browser_digest=_browser(request), expires_at__gt=now).count() >= WAITING_AT_MOST:
        raise TooManyRequests
    return _browser(request)


@transaction.atomic
def _forget_some_expired(now: datetime) -> None:
    """Delete a few expired requests at each parking, so that a flood leaves nothing behind; the purge takes the rest.

    Parkings at the same moment take different rows where there are row locks: none waits for another.
    """
    expired = ParkedRequest.objects.filter(expires_at__lte=now).select_for_update(skip_locked=True)
    if keys := list(expired.values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE]):
        ParkedRequest.objects.filter(pk__in=keys).delete()


def bind(request: HttpRequest, response: HttpResponse) -> None:
    """Give the browser the cookie that its parked requests are bound to; gone when it closes."""
    response.set_cookie(
        cookie_name(), request.COOKIES[cookie_name()],
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip


def find(request: HttpRequest, parked_id: uuid.UUID, now: datetime) -> ParkedRequest | None:
    """A request that waits in this browser, for a client that is still enabled."""
    waiting = ParkedRequest.objects.select_related("client").filter(pk=parked_id).first()
    if waiting is None or waiting.browser_digest != _browser(request):
        return None
    return waiting if waiting.expires_at > now and waiting.client.enabled else None


def mark_answered(parked: ParkedRequest, now: datetime) -> None:
    """Let the request wait no more; for ANSWERED_FOR seconds a second click still ends in the application."""
    until = min(parked.expires_at, now + timedelta(seconds=ANSWERED_FOR))
    ParkedRequest.objects.filter(pk=parked.pk).update(expires_at=until, answered=True)


def pending_of(request: HttpRequest) -> Pending | None:
    """The request that `next` names, else the latest that waits in this browser."""
    if cookie_name() not in request.COOKIES:
        return None
    now = timezone.now()
    parked_id = _id_in_url(get_next_url(request))
    parked = find(request, parked_id, now) if parked_id else None
    if parked is None or parked.answered:
        parked = _latest(request, now)
    return _pending(parked) if parked else None


def _id_in_url(target: str) -> uuid.UUID | None:
    """Return which parked request a URL of this site resumes, None for any other URL."""
    try:
        match = resolve(target)
    except Resolver404:
        return None
    return match.kwargs["parked_id"] if match.url_name == "resume" else None


def _latest(request: HttpRequest, now: datetime) -> ParkedRequest | None:
    waiting = ParkedRequest.objects.select_related("client").filter(
        browser_digest=_browser(request), expires_at__gt=now, answered=False, client__enabled=True
    )
    return waiting.order_by("-received_at").first()


def _browser(request: HttpRequest) -> str:
    return digest(request.COOKIES.get(cookie_name(), ""))


def _pending(parked: ParkedRequest) -> Pending:
    origin = origin_of_uri(parked.parameters["redirect_uri"])
    return Pending(service_name(parked.client, parked.parameters), parked, origin)


def service_name(client: Client, parameters: Parameters) -> str:
    """What the agent wants to open: for a client that relays others (ProConnect), the one that it names."""
    named = " ".join(parameters.get("sp_name", "").split())[:LONGEST_NAME]
    return f"{named} ({client.name})" if client.relays and named else client.name
