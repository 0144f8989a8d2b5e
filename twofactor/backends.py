from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import Agent
from twofactor.otp_mel.queries import find_agent


class AgentBackend(ModelBackend):
    """A backend that reads the agent of a session and the second factors by one statement.

    It authenticates nobody: only accounts.sign_in verifies passwords, because it counts the tries.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        return None

    def get_user(self, user_id: int) -> Agent | None:
        agent = find_agent(user_id)
        return agent if agent and agent.can_sign_in else None
