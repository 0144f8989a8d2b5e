"""The start of a sign-in (OpenID Connect Core §3.1.2.1).

mozilla-django-oidc makes the state, the nonce and the PKCE challenge; PIAG adds the level and the age that it demands.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from mozilla_django_oidc.utils import import_from_settings
from mozilla_django_oidc.views import OIDCAuthenticationRequestView

from piag_gateway.conf import settings
from piag_gateway.oidc.provider import get_provider

DEFAULT_DESTINATION = "/assistant/"
MAXIMUM_DESTINATION_LENGTH = 500  # characters; the session keeps one destination for each sign-in under way
# The library's key in the session; its value maps each state to its nonce, code_verifier and added_on.
STATES_SESSION_KEY = "oidc_states"


class AuthorizationRequestView(OIDCAuthenticationRequestView):  # type: ignore[misc]
    @staticmethod
    def get_settings(attr: str, *args: Any) -> Any:
        """Return a setting of the library; the authorization endpoint comes from the discovery document."""
        if attr == "OIDC_OP_AUTHORIZATION_ENDPOINT":
            return get_provider().authorization_endpoint
        return import_from_settings(attr, *args)

    def get_extra_params(self, _: HttpRequest) -> dict[str, str]:
        """Return the parameters that PIAG adds to the authorization request or puts in the place of the library's.

        The library derives the redirect URI from the Host header; PIAG has it from its own settings.
        """
        parameters = {"redirect_uri": get_redirect_uri(), "acr_values": settings.ACCEPTED_ACR[0]}
        return {**parameters, "max_age": str(settings.MAX_AGE)} if settings.MAX_AGE else parameters


def start_sign_in(request: HttpRequest, destination: str, second_attempt: bool = False) -> HttpResponse:
    """Redirect to Cerbère, and remember where the agent goes after the sign-in.

    The destination is stored with the state, so that two tabs do not get each other's. `second_attempt` marks the
    sign-in that follows an authentication that was too old: there is no third one.
    """
    response: HttpResponse = AuthorizationRequestView().get(request)
    del request.session["oidc_login_next"]  # the library's own destination: all tabs would share it
    states = request.session[STATES_SESSION_KEY]
    newest = next(reversed(states))
    states[newest].update(destination=get_safe_destination(destination), again=second_attempt)
    return response


def get_redirect_uri() -> str:
    return f"{settings.PUBLIC_URL}{reverse('sign_in_callback')}"


def get_safe_destination(url: str) -> str:
    """Return the URL if it is a page of this site, else the assistant's.

    URLs under /oidc/ are refused too: an agent sent there after a sign-in would be redirected in circles.
    """
    is_on_site = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    is_page = is_on_site and not url.startswith("/oidc/")
    return url if is_page and len(url) <= MAXIMUM_DESTINATION_LENGTH else DEFAULT_DESTINATION
