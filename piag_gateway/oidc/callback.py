"""The redirect URI: the view to which Cerbère sends the agent back. An unknown state has no effect at all."""

import time

import structlog
from django.contrib import auth
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView

from piag_gateway.conf import settings
from piag_gateway.faults import (
    AccountClosed,
    Declined,
    Fault,
    Interrupted,
    ProviderFault,
    ProviderUnavailable,
    TokenRefused,
    TooOld,
)
from piag_gateway.oidc.provider import get_provider
from piag_gateway.oidc.sign_in import DEFAULT_DESTINATION, STATES_SESSION_KEY, start_sign_in
from piag_gateway.pages.fault_page import render_fault_page
from piag_gateway.proof import build_proof, get_current_proof, store_proof

log = structlog.stdlib.get_logger("piag.sign_in")

# The fault of each error code of an authorization response (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
FAULT_BY_ERROR: dict[str, type[Fault]] = {
    "access_denied": Declined,
    "account_selection_required": Declined,
    "consent_required": Declined,
    "interaction_required": Declined,
    "login_required": Declined,
    "unmet_authentication_requirements": Declined,
    "temporarily_unavailable": ProviderUnavailable,
    "server_error": ProviderFault,
}


class SignInCallbackView(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    def get(self, request: HttpRequest) -> HttpResponse:
        """Complete the sign-in whose state this session holds.

        A reload, the back button or a forged link brings another state: no code is redeemed then.
        """
        pending = request.session.get(STATES_SESSION_KEY, {}).get(request.GET.get("state", ""))
        if pending is None:
            return answer_unknown_state(request)
        self.destination: str = pending["destination"]
        try:
            return self.complete_sign_in(request)
        except TooOld as fault:
            if not pending["again"]:
                return start_sign_in(request, self.destination, second_attempt=True)
            return render_fault_page(request, fault, self.destination)
        except Fault as fault:
            return render_fault_page(request, fault, self.destination)

    def complete_sign_in(self, request: HttpRequest) -> HttpResponse:
        """Check the authorization response, then let the library redeem its code. Raises a Fault.

        The library removes the state from the session, authenticates by CerbereBackend and calls login_success.
        """
        fault = find_response_fault(request.GET, get_provider().sends_iss)
        try:
            if fault:
                forget_state(request, request.GET["state"])
                raise fault
            response: HttpResponse = super().get(request)
        except UpdateError as error:  # meanwhile another tab has signed out, or in, and deleted this session
            raise Interrupted("session_ended") from error
        return response

    def login_success(self) -> HttpResponse:
        """Log the visitor in, store the proof and redirect to the destination.

        Each sign-in gets a new session key, also a second one of the same agent; Django's login empties the session
        of another agent.
        """
        claims, id_token = self.request.id_token_claims, self.request.id_token
        auth.login(self.request, self.user)
        self.request.session.cycle_key()
        store_proof(self.request, build_proof(claims, id_token, self.destination, time.time()))
        log.info("sign_in.succeeded", visitor=self.user.pk, acr=claims["acr"])
        return HttpResponseRedirect(self.destination)

    def login_failure(self) -> HttpResponse:
        """Raise AccountClosed: every other failure has raised its own Fault in CerbereBackend."""
        raise AccountClosed("account_closed")


def forget_state(request: HttpRequest, state: str) -> None:
    """Remove the state and save the session now: Django does not save it when the response is a 5xx."""
    del request.session[STATES_SESSION_KEY][state]
    request.session.save()


def answer_unknown_state(request: HttpRequest) -> HttpResponse:
    """Redirect a signed-in agent to the page of the last sign-in; offer anybody else to sign in again."""
    proof = get_current_proof(request)
    log.info("sign_in.unknown_state", connected=proof is not None)
    if proof:
        return redirect(proof.destination)
    return render(request, "piag/sign_in_again.html", {"destination": DEFAULT_DESTINATION})


def find_response_fault(parameters: QueryDict, iss_is_required: bool) -> Fault | None:
    """Return what is wrong with an authorization response whose state is known, or None.

    `iss` is checked first: another issuer, or none where Cerbère always sends it, is a mix-up attack (RFC 9207 §2.4).
    """
    if (iss_is_required or "iss" in parameters) and parameters.get("iss") != settings.ISSUER:
        return TokenRefused("response_iss")
    if "error" in parameters:
        name = parameters["error"] if parameters["error"] in FAULT_BY_ERROR else "other_error"
        return FAULT_BY_ERROR.get(name, ProviderFault)(name)
    return None if parameters.get("code") else Interrupted("no_code")
