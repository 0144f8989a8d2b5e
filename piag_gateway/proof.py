"""What this session knows of how the agent signed in. Facts are kept; whether they suffice is asked at each request."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from piag_gateway.conf import settings
from piag_gateway.oidc.id_token import Claims, is_too_old

SESSION_KEY = "proof"


@dataclass(frozen=True)
class Proof:
    sub: str
    sid: str  # Cerbère's session; empty when it does not name it
    acr: str
    amr: list[str]
    auth_time: float | None  # seconds since the epoch
    signed_in_at: float  # the same
    id_token: str  # for id_token_hint, when the agent signs out
    destination: str  # where that sign-in led, for whoever comes back to its address

    @property
    def authenticated_at(self) -> datetime | None:
        return None if self.auth_time is None else datetime.fromtimestamp(self.auth_time, UTC)


def proof_of(claims: Claims, id_token: str, destination: str, now: float) -> Proof:
    methods = claims.get("amr")
    named = (
        [name for name in methods if isinstance(name, str) and name.isprintable()] if isinstance(methods, list) else []
    )
    return Proof(
        sub=claims["sub"],
        sid=claims.get("sid", ""),
        acr=claims["acr"],
        amr=named,
        auth_time=claims.get("auth_time"),
        signed_in_at=now,
        id_token=id_token,
        destination=destination,
    )


def keep(request: HttpRequest, proof: Proof) -> None:
    request.session[SESSION_KEY] = asdict(proof)


def current_proof(request: HttpRequest) -> Proof | None:
    """The proof of two factors that this session holds now, or nothing.

    Nothing too when PIAG no longer accepts that level, when the authentication has become too old, when the
    session has reached its absolute end, or when the account has been closed.
    """
    proof = _kept(request)
    if proof is None or not _holds(proof, time.time()):
        return None
    return proof if request.user.is_authenticated else None


def is_too_weak(request: HttpRequest) -> bool:
    """Whether somebody has signed in here at a level that PIAG no longer accepts."""
    proof = _kept(request)
    return proof is not None and proof.acr not in settings.ACCEPTED_ACR


def _kept(request: HttpRequest) -> Proof | None:
    try:
        return Proof(**request.session[SESSION_KEY])
    except (KeyError, TypeError):  # nobody has signed in, or another version of PIAG wrote other facts
        return None


def _holds(proof: Proof, now: float) -> bool:
    accepted = proof.acr in settings.ACCEPTED_ACR
    alive = now - proof.signed_in_at < settings.SESSION_ABSOLUTE.total_seconds()
    return accepted and alive and not is_too_old(proof.auth_time, settings.MAX_AGE, now)


View = Callable[[HttpRequest, Proof], HttpResponse]


def two_factors_required(begin: Callable[[HttpRequest, str], HttpResponse]) -> Callable[[View], Any]:
    """Only for who has proved two factors: anybody else starts a sign-in that leads back to the same address."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            proof = current_proof(request)
            return view(request, proof) if proof else begin(request, request.get_full_path())

        return guarded

    return decorate
