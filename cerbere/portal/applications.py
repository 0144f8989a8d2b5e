"""The applications that the home page offers to an agent who is signed in."""

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
    """`reached`: this session's level suffices; otherwise the code, or the activation, will be asked on the way."""

    name: str
    url: str
    two_factor: bool
    reached: bool


def applications(request: HttpRequest) -> list[Application]:
    if not isinstance(request.user, Agent):
        return []
    reached, least = get_strength(request), get_required_strength(request.user, timezone.now())
    offered = Client.objects.filter(enabled=True).exclude(home_uri="").order_by("name")
    levels = ((client, max(client.minimum, least)) for client in offered)
    return [
        Application(client.name, client.home_uri, level >= Strength.TWO_FACTOR, reached >= level)
        for client, level in levels
    ]
