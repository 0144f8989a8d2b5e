"""Where Cerbère sends the agent back to. The state is looked at before anything else has an effect."""

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
from piag_gateway.oidc.provider import provider
from piag_gateway.oidc.sign_in import DESTINATION, STATES, begin
from piag_gateway.pages.fault_page import fault_page
from piag_gateway.proof import current_proof, keep, proof_of

log = structlog.stdlib.get_logger("piag.sign_in")

# What Cerbère may say instead of a code (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6), and what it means here.
ERRORS: dict[str, type[Fault]] = {
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
        """A reload, the back button and a forged link bring a state that this session does not hold: no effect."""
        pending = request.session.get(STATES, {}).get(request.GET.get("state", ""))
        if pending is None:
            return no_such_sign_in(request)
        self.destination: str = pending["destination"]
        try:
            return self.finish(request)
        except TooOld as fault:
            if not pending["again"]:
                return begin(request, self.destination, again=True)
            return fault_page(request, fault, self.destination)
        except Fault as fault:
            return fault_page(request, fault, self.destination)

    def finish(self, request: HttpRequest) -> HttpResponse:
        """The library forgets the state, redeems the code through CerbereBackend, then calls login_success."""
        fault = fault_in(request.GET, provider().names_itself)
        try:
            if fault:
                forget(request, request.GET["state"])
                raise fault
            response: HttpResponse = super().get(request)
        except UpdateError as error:
            raise Interrupted("session_ended") from error  # signed out, or in, by another tab just now
        return response

    def login_success(self) -> HttpResponse:
        """A new session key at every sign-in, step-up included; another agent's session is emptied first."""
        claims, id_token = self.request.accepted
        auth.login(self.request, self.user)
        self.request.session.cycle_key()
        keep(self.request, proof_of(claims, id_token, self.destination, time.time()))
        log.info("sign_in.succeeded", visitor=self.user.pk, acr=claims["acr"])
        return HttpResponseRedirect(self.destination)

    def login_failure(self) -> HttpResponse:
        raise AccountClosed("account_closed")


def forget(request: HttpRequest, state: str) -> None:
    """At once: Django does not save the session when the answer is a 5xx."""
    del request.session[STATES][state]
    request.session.save()


def no_such_sign_in(request: HttpRequest) -> HttpResponse:
    proof = current_proof(request)
    log.info("sign_in.unknown_state", connected=proof is not None)
    if proof:
        return redirect(proof.destination)
    return render(request, "piag/sign_in_again.html", {"destination": DESTINATION})


def fault_in(answer: QueryDict, names_itself: bool) -> Fault | None:
    """What is wrong with an authorization response whose state is ours, if anything.

    Who answers comes first: a response of another issuer, or of none, when Cerbère always names itself, is a
    mix-up (RFC 9207 §2.4).
    """
    if (names_itself or "iss" in answer) and answer.get("iss") != settings.ISSUER:
        return TokenRefused("response_iss")
    if "error" in answer:
        name = answer["error"] if answer["error"] in ERRORS else "other_error"
        return ERRORS.get(name, ProviderFault)(name)
    return None if answer.get("code") else Interrupted("no_code")
