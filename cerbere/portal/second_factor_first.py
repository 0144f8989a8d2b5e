from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.models import Agent
from cerbere.core.redirects import SeeOther
from twofactor.facts import get_active_device_ids, get_strength
from twofactor.strength import Strength

View = Callable[..., HttpResponse]


def second_factor_first(view: View) -> View:
    """Ask agents with a second factor for their code before this view, so that a stolen password is not enough.

    A form that is posted without it is not stored: the agent is sent to the account page after the code.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        agent = request.user
        if (
            not isinstance(agent, Agent)
            or not get_active_device_ids(agent)
            or get_strength(request) >= Strength.TWO_FACTOR
        ):
            return view(request, *args, **kwargs)
        next_url = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("account")
        return SeeOther(f"{reverse('verify')}?{urlencode({'next': next_url})}")

    return wrapped
