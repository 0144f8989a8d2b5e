"""Authorization requests that wait for the agent, and the one that this page belongs to."""

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cerbere.core.redirects import next_of
from cerbere.provider.authorization.request import AuthorizationRequest, Parameters
from cerbere.provider.errors import TooManyRequests
from cerbere.provider.models import PARKED_BY_ID, PARKED_FOR, Client, Grant, ParkedRequest, digest
from cerbere.provider.responses import origin_of_uri
from cerbere.writes import change, insert, new

WAITING_AT_MOST = 50  # requests of one browser: more is an application that redirects without end
FORGOTTEN_AT_ONCE = 5
LONGEST_NAME = 100  # characters
ANSWERED_FOR = 10  # seconds that a granted request can still be resumed: the button was clicked twice
RESUME = "/oidc/continuer/{}/"  # as urls.py has it
RESUME_PATH = re.compile(RESUME.format(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})") + r"\Z")

FORGET = f"""
    DELETE FROM provider_parkedrequest WHERE id IN (
        SELECT id FROM provider_parkedrequest WHERE expires_at <= %s LIMIT {FORGOTTEN_AT_ONCE} {{lock}})"""  # noqa: S608


@dataclass(frozen=True)
class Pending:
    """What pages tell the agent of the request that waits."""

    service_name: str
    parked: ParkedRequest
    origin: str

    SHOWN = ("service_name", "hour", "minute")

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
    return RESUME.format(parked.id)


def park(request: HttpRequest, authorization: AuthorizationRequest) -> ParkedRequest:
    """Keep the request for PARKED_FOR, bound to this browser's own cookie (see `bind`). Raises TooManyRequests."""
    parked = new(
        ParkedRequest, browser_digest=_own_browser(request, authorization.received_at),
        client_id=authorization.client.pk, parameters=authorization.parameters,
        received_at=authorization.received_at, expires_at=authorization.received_at + PARKED_FOR,
    )  # fmt: skip
    insert(parked, after=_forgetting(authorization.received_at))
    return parked


def _own_browser(request: HttpRequest, now: datetime) -> str:
    """This browser's cookie, new when it has none: then nothing waits in it. Raises TooManyRequests."""
    if not request.COOKIES.get(cookie_name()):
        request.COOKIES[cookie_name()] = secrets.token_urlsafe(32)
    elif ParkedRequest.objects.filter(browser_digest=_browser(request), expires_at__gt=now).count() >= WAITING_AT_MOST:
        raise TooManyRequests
    return _browser(request)


def _forgetting(now: datetime) -> tuple[str, datetime]:
    """What forgets a few at each parking, so that a flood leaves nothing behind; the purge takes the rest.

    Where there are row locks, parkings at the same moment take different ones: none waits for another.
    """
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    return FORGET.format(lock=lock), now


def bind(request: HttpRequest, response: HttpResponse) -> None:
    """Give the browser the cookie that its parked requests are bound to; gone when it closes."""
    response.set_cookie(
        cookie_name(), request.COOKIES[cookie_name()],
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip


def find(request: HttpRequest, parked_id: uuid.UUID, now: datetime) -> ParkedRequest | None:
    """A request that waits in this browser, for a client that is still enabled."""
    waiting = PARKED_BY_ID(parked_id)
    if waiting is None or waiting.browser_digest != _browser(request):
        return None
    return waiting if waiting.expires_at > now and waiting.client.enabled else None


def answered(parked: ParkedRequest, now: datetime, grant: Grant | None = None) -> bool:
    """It waits no more, and gives this grant; for ANSWERED_FOR seconds a second click still ends in the application.

    False, and nothing is written, when it is there no more.
    """
    until = min(parked.expires_at, now + timedelta(seconds=ANSWERED_FOR))
    return change(ParkedRequest, parked.id, then=[grant] if grant else (), expires_at=until, answered=True)


def pending_of(request: HttpRequest) -> Pending | None:
    """The request that `next` names, else the latest that waits in this browser."""
    if cookie_name() not in request.COOKIES:
        return None
    now = timezone.now()
    named = RESUME_PATH.match(next_of(request))
    parked = find(request, uuid.UUID(named[1]), now) if named else None
    if parked is None or parked.answered:
        parked = _latest(request, now)
    return _pending(parked) if parked else None


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
