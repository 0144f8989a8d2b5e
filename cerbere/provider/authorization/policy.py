"""THE decision: what must happen before this authorization request may be granted. No Django here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from twofactor.strength import Fact, Strength, compute_strength


class Step(Enum):
    """What the agent is asked for next; afterwards the whole request is decided again."""

    LOG_IN = "log_in"
    VERIFY = "verify"
    ENROL = "enrol"


@dataclass(frozen=True)
class Granted:
    """`strength` is what the usable facts prove, `acr` its name for this client, `facts` those it rests on."""

    strength: Strength
    acr: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Denied:
    """An error of OpenID Connect Core §3.1.2.6 or of its extension for unmet requirements."""

    error: str


@dataclass(frozen=True)
class Demand:
    """What the request asks of the authentication. Times in UTC, `max_age` in seconds."""

    received_at: datetime
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: Sequence[str] = ()
    essential_acr: Sequence[str] | None = None
    subject_differs: bool = False  # id_token_hint names somebody else than the agent of this session


@dataclass(frozen=True)
class Terms:
    """What the client's registration demands: the least level, and how each level is called."""

    minimum: Strength = Strength.PASSWORD
    acr_names: Mapping[Strength, str] = field(
        default_factory=lambda: {Strength.PASSWORD: "eidas1", Strength.TWO_FACTOR: "eidas2"}
    )

    def with_least(self, level: Strength) -> "Terms":
        """The same for somebody who owes at least this level, wherever the minimum is lower."""
        return replace(self, minimum=max(self.minimum, level))


def decide(
    demand: Demand,
    terms: Terms,
    facts: Collection[Fact],
    active_devices: Collection[str],
    now: datetime,
    second_factor_max_age: timedelta,
) -> Granted | Step | Denied:
    """Grant, the next step, or an error. Pure: evaluated again from the start after every interaction."""
    allowed = allowed_levels(demand, terms)
    if not allowed:
        return Denied("unmet_authentication_requirements")
    usable = () if demand.subject_differs else usable_facts(demand, facts, now)
    reached = compute_strength(usable, active_devices, now, second_factor_max_age)
    if demand.subject_differs and any(fact.at >= demand.received_at for fact in facts):
        return Denied("login_required")  # somebody else than the hinted agent has just signed in
    if reached >= min(allowed):
        level = max(level for level in allowed if level <= reached)
        return Granted(level, terms.acr_names[level], usable)
    step = next_step(reached, active_devices)
    if "none" in demand.prompt:
        return Denied("login_required" if step is Step.LOG_IN else "interaction_required")
    return step


def next_step(reached: Strength, active_devices: Collection[str]) -> Step:
    if reached is Strength.NONE:
        return Step.LOG_IN
    return Step.VERIFY if active_devices else Step.ENROL


def usable_facts(demand: Demand, facts: Collection[Fact], now: datetime) -> tuple[Fact, ...]:
    """Facts fresh enough for `prompt` and `max_age`.

    Every act that the level rests on must be as fresh as asked, the password and the code alike:
    `prompt=login` wants them after the request came, `max_age` at most that long ago or, however long the
    agent takes for the rest, after the request came.
    """
    floors = [demand.received_at] if demand.prompt & {"login", "select_account"} else []
    if demand.max_age is not None:
        floors.append(min(demand.received_at, now - timedelta(seconds=demand.max_age)))
    return tuple(fact for fact in facts if all(fact.at >= floor for floor in floors))


def allowed_levels(demand: Demand, terms: Terms) -> list[Strength]:
    """The levels with which the request may be granted, lowest first; empty when none can ever be.

    The client's minimum always binds. An essential `acr` binds to its values (OpenID Connect Core
    §5.5.1.1). `acr_values` only raises the minimum, to the first value that is known.
    """
    levels = [level for level in sorted(terms.acr_names) if level >= terms.minimum]
    if demand.essential_acr is not None:
        return [level for level in levels if terms.acr_names[level] in demand.essential_acr]
    by_name = {name: level for level, name in terms.acr_names.items()}
    preferred = next((by_name[name] for name in demand.acr_values if name in by_name), terms.minimum)
    return [level for level in levels if level >= preferred]
