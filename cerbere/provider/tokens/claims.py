"""What an application learns of an agent (OpenID Connect Core §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from accounts.models import Agent

if TYPE_CHECKING:
    from cerbere.provider.models import Grant

Value = str | list[str]
OPENID = "openid"
SCOPES = {
    "profile": ("uid", "name", "given_name", "family_name", "usual_name", "organizational_unit"),
    "email": ("email",),
    "phone": ("phone_number",),
}
CLAIMS: dict[str, Callable[[Agent], Value]] = {
    "uid": lambda agent: agent.uid,
    "name": Agent.get_full_name,
    "given_name": lambda agent: agent.given_name,
    "family_name": lambda agent: agent.family_name,
    "usual_name": lambda agent: agent.usual_name or agent.family_name,
    "email": lambda agent: agent.email or "",
    "siret": lambda agent: agent.siret,
    "organizational_unit": lambda agent: agent.organizational_unit,
    "phone_number": lambda agent: agent.phone_number,
}


def of_scopes(scope: str) -> set[str]:
    """A scope is one of the standard's or the name of a claim; unknown ones give nothing."""
    return {claim for name in scope.split() for claim in SCOPES.get(name, (name,))}


def scope_of(grant: Grant) -> str:
    """What was asked for and means something here (RFC 6749 §3.3): whoever reads it may rely on it."""
    return " ".join(known_scopes(grant.scope, tuple(grant.client.claims)))


@lru_cache(maxsize=1000)
def known_scopes(scope: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, without those that give nothing to who may have these claims (none named: all)."""
    given = set(allowed or CLAIMS)
    return tuple(name for name in dict.fromkeys(scope.split()) if name == OPENID or of_scopes(name) & given)


def userinfo_claims(grant: Grant) -> dict[str, Value]:
    return _values(grant, of_scopes(grant.scope) | set(grant.claims.get("userinfo", {})))


def id_token_claims(grant: Grant) -> dict[str, Value]:
    """`uid`, which applications of the ministry read there, and what the request asked for by name."""
    return _values(grant, {"uid"} | set(grant.claims.get("id_token", {})))


def _values(grant: Grant, wanted: Iterable[str]) -> dict[str, Value]:
    """Those claims that exist, that this client may have, and that are not empty."""
    allowed = set(grant.client.claims or CLAIMS)
    found = {name: CLAIMS[name](grant.agent) for name in CLAIMS if name in wanted and name in allowed}
    return {name: value for name, value in found.items() if value}
