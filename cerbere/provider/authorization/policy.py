"""Decide what must happen before an authorization request may be granted. This module uses no Django."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from twofactor.strength import Fact, Strength, compute_strength


class Step(Enum):
    """An act that is asked of the agent; after it, the request is decided again from the start."""

    LOG_IN = "log_in"
    VERIFY = "verify"
    ENROL = "enrol"


@dataclass(frozen=True)
class Granted:
    """A grant: the level that the usable facts prove, its `acr` for this client, and these facts."""

    strength: Strength
    acr: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Denied:
    """A refusal: an error of OpenID Connect Core §3.1.2.6, or `unmet_authentication_requirements`."""

    error: str


@dataclass(frozen=True)
class Demand:
    """The requirements of one request on the authentication. Times are in UTC, `max_age` is in seconds."""

    received_at: datetime
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: Sequence[str] = ()
    essential_acr: Sequence[str] | None = None
    subject_differs: bool = False  # id_token_hint names another agent than this session's


@dataclass(frozen=True)
class Terms:
    """The requirements of a client's registration: the minimum level, and the `acr` of each level."""

    minimum: Strength = Strength.PASSWORD
    acr_names: Mapping[Strength, str] = field(
        default_factory=lambda: {Strength.PASSWORD: "eidas1", Strength.TWO_FACTOR: "eidas2"}
    )

    def with_minimum_level(self, level: Strength) -> "Terms":
        """Return these terms with the minimum raised to this level, where it is lower."""
        return replace(self, minimum=max(self.minimum, level))


def decide(
    demand: Demand,
    terms: Terms,
    facts: Collection[Fact],
    active_devices: Collection[str],
    now: datetime,
    second_factor_max_age: timedelta,
) -> Granted | Step | Denied:
    """Return a grant, the next step, or a refusal. This is evaluated again from the start after every step."""
    allowed = list_allowed_levels(demand, terms)
    if not allowed:
        return Denied("unmet_authentication_requirements")
    usable = () if demand.subject_differs else select_usable_facts(demand, facts, now)
    reached = compute_strength(usable, active_devices, now, second_factor_max_age)
    if demand.subject_differs and any(fact.at >= demand.received_at for fact in facts):
        return Denied("login_required")  # another agent than the hinted one has just signed in
    if reached >= min(allowed):
        level = max(level for level in allowed if level <= reached)
        return Granted(level, terms.acr_names[level], usable)
    step = choose_next_step(reached, active_devices)
    if "none" in demand.prompt:
        return Denied("login_required" if step is Step.LOG_IN else "interaction_required")
    return step


def choose_next_step(reached: Strength, active_devices: Collection[str]) -> Step:
    if reached is Strength.NONE:
        return Step.LOG_IN
    return Step.VERIFY if active_devices else Step.ENROL


def select_usable_facts(demand: Demand, facts: Collection[Fact], now: datetime) -> tuple[Fact, ...]:
    """Return the facts that are fresh enough for `prompt` and `max_age`.

    Password and code must both be fresh enough. `prompt=login` accepts facts since the request was received.
    `max_age` accepts facts of that age, and facts since the request was received, however long the agent takes.
    """
    floors = [demand.received_at] if demand.prompt & {"login", "select_account"} else []
    if demand.max_age is not None:
        floors.append(min(demand.received_at, now - timedelta(seconds=demand.max_age)))
    return tuple(fact for fact in facts if all(fact.at >= floor for floor in floors))


def list_allowed_levels(demand: Demand, terms: Terms) -> list[Strength]:
    """Return the levels with which the request may be granted, lowest first; an empty list when there is none.

    The client's minimum always binds. An essential `acr` binds to its values (OpenID Connect Core
    §5.5.1.1). `acr_values` only raises the minimum, to its first value that names a level.
    """
    levels = [level for level in sorted(terms.acr_names) if level >= terms.minimum]
    if demand.essential_acr is not None:
        return [level for level in levels if terms.acr_names[level] in demand.essential_acr]
    by_name = {name: level for level, name in terms.acr_names.items()}
    preferred = next((by_name[name] for name in demand.acr_values if name in by_name), terms.minimum)
    return [level for level in levels if level >= preferred]
