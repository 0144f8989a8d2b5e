"""What an application learns of an agent (OpenID Connect Core §5)."""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from accounts.models import Agent

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


@lru_cache(maxsize=1000)
def known_scopes(scope: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Each once, without those that give nothing to who may have these claims (none named: all)."""
    given = set(allowed or CLAIMS)
    return tuple(name for name in dict.fromkeys(scope.split()) if name == OPENID or of_scopes(name) & given)


def userinfo_claims(agent: Agent, scope: str, requested: Iterable[str], allowed: Collection[str]) -> dict[str, Value]:
    """Return what the scope and the `claims` parameter ask of userinfo; no name in `allowed` means all are."""
    return _values(agent, of_scopes(scope) | set(requested), allowed)


def id_token_claims(agent: Agent, requested: Iterable[str], allowed: Collection[str]) -> dict[str, Value]:
    """Return `uid`, which applications of the ministry read in ID tokens, and what the request asked for by name."""
    return _values(agent, {"uid"} | set(requested), allowed)


def _values(agent: Agent, wanted: Collection[str], allowed: Collection[str]) -> dict[str, Value]:
    """Return those claims that exist, that this client may have, and that are not empty."""
    names = [name for name in CLAIMS if name in wanted and name in (allowed or CLAIMS)]
    values = {name: CLAIMS[name](agent) for name in names}
    return {name: value for name, value in values.items() if value}
