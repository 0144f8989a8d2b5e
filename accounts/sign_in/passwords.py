"""Whether a password is right: whoever keeps it is asked."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.directory.prove import prove_by_directory
from accounts.models import Agent
from accounts.refusals import Reason, Refused


def prove(agent: Agent | None, typed: str, password: str, counted: str, now: datetime) -> Agent | Refused:
    """Who has proved this password, as `typed`, or why nobody has. Raises DirectoryUnavailable.

    `agent` is who we know by that name, and `counted` the key under which this try is reserved. Accounts that
    Cerbère keeps itself go first, so that its administrators get in whatever becomes of the directory; it is the
    directory's turn for all the others, and its password alone counts.
    """
    if settings.DIRECTORY and not (agent and agent.is_kept_here):
        return prove_by_directory(agent, typed, password, counted, now)
    return _by_hash(agent, password)


def _by_hash(agent: Agent | None, password: str) -> Agent | Refused:
    """Every path hashes one password: same time."""
    if agent is None:
        make_password(password)
        return Refused(Reason.UNKNOWN)
    if not agent.check_password(password):
        return Refused(Reason.WRONG_PASSWORD)
    return agent if agent.may_sign_in else Refused(Reason.INACTIVE)
