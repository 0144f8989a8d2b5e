from django.conf import settings
from django.contrib.auth.backends import ModelBackend

from accounts.models import Agent


class AgentBackend(ModelBackend):
    """Reads the agent of a session, with the relations of AGENT_RELATED, in one statement.

    Passwords are checked by accounts.sign_in.sign_in only, which counts tries: this backend authenticates nobody.
    """

    def authenticate(self, request, username=None, password=None, **kwargs):  # type: ignore[no-untyped-def]
        return None

    def get_user(self, user_id: int) -> Agent | None:
        agent = Agent.objects.select_related(*settings.AGENT_RELATED).filter(pk=user_id).first()
        return agent if agent and agent.may_sign_in else None
