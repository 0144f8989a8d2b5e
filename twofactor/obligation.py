"""The strength that the ministry's policy requires of an agent for every application."""

from datetime import datetime

from accounts.models import Agent
from twofactor.strength import Strength


def get_required_strength(agent: Agent | None, now: datetime) -> Strength:
    """Return the strength below which this agent is granted nothing now, from whatever network."""
    due_at = agent.two_factor_due_at if agent else None
    return Strength.TWO_FACTOR if due_at and now >= due_at else Strength.PASSWORD
