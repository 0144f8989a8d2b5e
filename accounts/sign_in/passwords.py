"""Verification of a password by the directory or by the hash that Cerbère keeps."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.directory.verify_by_directory import verify_by_directory
from accounts.models import Agent
from accounts.refusals import PasswordRefusal, Reason


def verify_by_directory_or_hash(
    agent: Agent | None, typed: str, password: str, counted_key: str, now: datetime
) -> Agent | PasswordRefusal:
    """Return the agent whose password this is, or the refusal. Raises DirectoryUnavailable.

    `agent` is the one with the login `typed`, if any, and `counted_key` the key under which this try is reserved.
    Accounts that Cerbère keeps itself never need the directory, so that its administrators can sign in while it is
    down. For all others only the directory's password counts.
    """
    if settings.DIRECTORY and not (agent and agent.is_local_account):
        return verify_by_directory(agent, typed, password, counted_key, now)
    return _verify_by_hash(agent, password)


def _verify_by_hash(agent: Agent | None, password: str) -> Agent | PasswordRefusal:
    if agent is None:
        make_password(password)  # takes the time of `check_password`, so that unknown logins do not show
        return PasswordRefusal(Reason.UNKNOWN)
    if not agent.check_password(password):
        return PasswordRefusal(Reason.WRONG_PASSWORD)
    return agent if agent.can_sign_in else PasswordRefusal(Reason.INACTIVE)
