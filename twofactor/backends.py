from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import Agent
from twofactor.otp_mel.queries import find_agent


class AgentBackend(ModelBackend):
    """Read the agent of a session together with the second factors, in one statement.

    Passwords are checked by accounts.sign_in only, which counts tries: this backend authenticates nobody.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        return None

    def get_user(self, user_id: int) -> Agent | None:
        agent = find_agent(user_id)
        return agent if agent and agent.may_sign_in else None
