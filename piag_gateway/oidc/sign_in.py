"""Starting a sign-in (OpenID Connect Core §3.1.2.1): the library makes state, nonce and PKCE, PIAG its demands."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from mozilla_django_oidc.utils import import_from_settings
from mozilla_django_oidc.views import OIDCAuthenticationRequestView

from piag_gateway.conf import settings
from piag_gateway.oidc.provider import provider

DESTINATION = "/assistant/"
DESTINATION_LENGTH = 500  # characters; it is kept in the session, once per sign-in under way
STATES = "oidc_states"  # the library's name in the session: state → nonce, code_verifier, added_on


class AuthorizationRequestView(OIDCAuthenticationRequestView):  # type: ignore[misc]
    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """The library's settings; the address comes from the discovery document."""
        if attr == "OIDC_OP_AUTHORIZATION_ENDPOINT":
            return provider().authorization_endpoint
        return import_from_settings(attr, *args)

    def get_extra_params(self, _: HttpRequest) -> dict[str, str]:
        """What PIAG demands; the redirect URI takes the place of the one that the library reads off `Host`."""
        demands = {"redirect_uri": redirect_uri(), "acr_values": settings.ACCEPTED_ACR[0]}
        return {**demands, "max_age": str(settings.MAX_AGE)} if settings.MAX_AGE else demands


def begin(request: HttpRequest, destination: str, again: bool = False) -> HttpResponse:
    """Off to Cerbère. The destination is kept with the state, so that two tabs do not mix theirs.

    `again` marks the second attempt after an authentication that was too old: there is no third.
    """
    response: HttpResponse = AuthorizationRequestView().get(request)
    del request.session["oidc_login_next"]  # the library's, one for all tabs
    states = request.session[STATES]
    newest = next(reversed(states))
    states[newest].update(destination=inside(destination), again=again)
    return response


def redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}{reverse('sign_in_callback')}"


def inside(target: str) -> str:
    """This address if it is a page of this site, else the assistant.

    Not those of the sign-in itself: an agent sent there after a sign-in would go round in circles.
    """
    safe = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if safe and len(target) <= DESTINATION_LENGTH and not target.startswith("/oidc/") else DESTINATION
