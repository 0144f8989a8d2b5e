"""What the ministry's policy demands of an agent, whatever application is opened."""

from datetime import datetime

from accounts.models import Agent
from twofactor.strength import Strength


def least_strength(agent: Agent | None, now: datetime) -> Strength:
    """The level below which nothing is granted to this agent now. Where a request comes from is no factor."""
    due_at = agent.two_factor_due_at if agent else None
    return Strength.TWO_FACTOR if due_at and now >= due_at else Strength.PASSWORD
