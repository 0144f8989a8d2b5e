"""List the applications on the home page of a signed-in agent."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Agent
from cerbere.provider.clients.models import Client
from twofactor.facts import get_strength
from twofactor.obligation import get_required_strength
from twofactor.strength import Strength


@dataclass(frozen=True)
class Application:
    """An application on the home page; `reached` says whether the session's level suffices to open it."""

    name: str
    url: str
    two_factor: bool
    reached: bool


def list_applications(request: HttpRequest) -> list[Application]:
    if not isinstance(request.user, Agent):
        return []
    reached, least = get_strength(request), get_required_strength(request.user, timezone.now())
    offered = Client.objects.filter(enabled=True).exclude(home_uri="").order_by("name")
    levels = ((client, max(client.minimum, least)) for client in offered)
    return [
        Application(client.name, client.home_uri, level >= Strength.TWO_FACTOR, reached >= level)
        for client, level in levels
    ]
