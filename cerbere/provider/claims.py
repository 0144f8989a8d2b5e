"""Claims: the data of an agent that applications receive (OpenID Connect Core §5)."""

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


def expand_scopes(scope: str) -> set[str]:
    """Return the names of the claims that these scopes ask for: the standard's groups, or claims by their own names."""
    return {claim for name in scope.split() for claim in SCOPES.get(name, (name,))}


@lru_cache(maxsize=1000)
def select_known_scopes(scope: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return each scope once, without those that give no allowed claim; an empty `allowed` means all claims."""
    available = set(allowed or CLAIMS)
    return tuple(name for name in dict.fromkeys(scope.split()) if name == OPENID or expand_scopes(name) & available)


def select_userinfo_claims(
    agent: Agent, scope: str, requested: Iterable[str], allowed: Collection[str]
) -> dict[str, Value]:
    """Return the claims of a userinfo response, by scope and by name; an empty `allowed` means all claims."""
    return _collect_values(agent, expand_scopes(scope) | set(requested), allowed)


def select_id_token_claims(agent: Agent, requested: Iterable[str], allowed: Collection[str]) -> dict[str, Value]:
    """Return the claims of an ID token: `uid`, which the ministry's applications read there, and those named."""
    return _collect_values(agent, {"uid"} | set(requested), allowed)


def _collect_values(agent: Agent, wanted: Collection[str], allowed: Collection[str]) -> dict[str, Value]:
    """Return the claims that are wanted, allowed for this client and not empty."""
    names = [name for name in CLAIMS if name in wanted and name in (allowed or CLAIMS)]
    values = {name: CLAIMS[name](agent) for name in names}
    return {name: value for name, value in values.items() if value}
