"""The facts of the agent's sign-in, kept in the session. Whether they suffice is decided anew at each request."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from piag_gateway.conf import settings
from piag_gateway.oidc.id_token import Claims, is_too_old

PROOF_SESSION_KEY = "proof"


@dataclass(frozen=True)
class Proof:
    sub: str
    sid: str  # names the session at Cerbère; empty when the ID token has none
    acr: str
    amr: list[str]
    auth_time: float | None  # seconds since the epoch
    signed_in_at: float  # seconds since the epoch
    id_token: str  # sent as id_token_hint when the agent signs out
    destination: str  # the page that this sign-in led to: a reload of the callback's URL goes there again

    @property
    def authenticated_at(self) -> datetime | None:
        return None if self.auth_time is None else datetime.fromtimestamp(self.auth_time, UTC)


def build_proof(claims: Claims, id_token: str, destination: str, now: float) -> Proof:
    """Return the facts of a sign-in that ends at `now`, in seconds since the epoch."""
    return Proof(
        sub=claims["sub"],
        sid=claims.get("sid", ""),
        acr=claims["acr"],
        amr=_read_methods(claims),
        auth_time=claims.get("auth_time"),
        signed_in_at=now,
        id_token=id_token,
        destination=destination,
    )


def _read_methods(claims: Claims) -> list[str]:
    """Return the names in `amr`. No decision rests on them, so that a malformed claim is an empty list."""
    methods = claims.get("amr")
    if not isinstance(methods, list):
        return []
    return [name for name in methods if isinstance(name, str) and name.isprintable()]


def store_proof(request: HttpRequest, proof: Proof) -> None:
    request.session[PROOF_SESSION_KEY] = asdict(proof)


def get_current_proof(request: HttpRequest) -> Proof | None:
    """Return the session's proof of two factors, or None when it has none that is valid now.

    A proof is no longer valid when PIAG has stopped accepting its level, when the authentication is older than
    MAX_AGE, when the session has reached its absolute end, or when the account has been closed.
    """
    proof = _load_proof(request)
    if proof is None or not _is_valid(proof, time.time()):
        return None
    return proof if request.user.is_authenticated else None


def is_session_too_weak(request: HttpRequest) -> bool:
    """Return whether the agent has signed in at a level that PIAG no longer accepts."""
    proof = _load_proof(request)
    return proof is not None and proof.acr not in settings.ACCEPTED_ACR


def _load_proof(request: HttpRequest) -> Proof | None:
    try:
        return Proof(**request.session[PROOF_SESSION_KEY])
    except (KeyError, TypeError):  # no sign-in yet, or another version of PIAG has stored other fields
        return None


def _is_valid(proof: Proof, now: float) -> bool:
    is_accepted = proof.acr in settings.ACCEPTED_ACR
    is_alive = now - proof.signed_in_at < settings.SESSION_ABSOLUTE.total_seconds()
    return is_accepted and is_alive and not is_too_old(proof.auth_time, settings.MAX_AGE, now)


View = Callable[[HttpRequest, Proof], HttpResponse]


def two_factors_required(start_sign_in: Callable[[HttpRequest, str], HttpResponse]) -> Callable[[View], Any]:
    """Give the view the agent's proof; without one, start a sign-in that leads back to the same URL."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            proof = get_current_proof(request)
            return view(request, proof) if proof else start_sign_in(request, request.get_full_path())

        return guarded

    return decorate
