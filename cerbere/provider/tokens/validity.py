"""Tell whether what a grant stands for is still true."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.utils.crypto import constant_time_compare

from accounts.models import Agent
from cerbere.provider.tokens.models import Grant
from twofactor.facts import get_active_device_ids, read_facts
from twofactor.obligation import get_required_strength
from twofactor.strength import Strength, compute_strength


def invalid_reason(grant: Grant, now: datetime) -> str | None:
    """Why this grant may not be used any more, None if it may. Read it with `with_validity_relations`.

    The level is derived afresh from the session's facts and the agent's methods of this moment.
    """
    agent: Agent = grant.agent
    if grant.revoked_at or not grant.client.enabled:
        return "revoked"
    if not agent.can_sign_in:
        return "inactive"
    if grant.session is None or not grant.session.is_alive(now) or grant.session.agent_id != agent.pk:
        return "session_ended"
    kept = grant.session.get_decoded()
    if not _is_of_this_password(kept, agent):
        return "session_ended"
    facts = read_facts(kept)
    reached = compute_strength(facts, get_active_device_ids(agent), now, settings.SECOND_FACTOR_MAX_AGE)
    least = max(Strength(grant.strength), Strength(grant.client.minimum), get_required_strength(agent, now))
    return None if reached >= least else "level_fell"


def _is_of_this_password(kept: dict[str, Any], agent: Agent) -> bool:
    """A session opened with an earlier password is over, whoever changed it (as for Django's own sessions)."""
    valid = [agent.get_session_auth_hash(), *agent.get_session_auth_fallback_hash()]
    return any(constant_time_compare(kept.get(HASH_SESSION_KEY, ""), each) for each in valid)
