"""Change an agent's password, for accounts that Cerbère keeps itself."""

from datetime import datetime

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.refusals import PasswordRefusal
from accounts.sessions.store import get_session
from accounts.sign_in.verify_password import verify_password
from cerbere.audit.events import Event
from cerbere.audit.record import record


def change_password(
    request: HttpRequest, agent: Agent, current: str, new: str, now: datetime
) -> PasswordRefusal | None:
    """Verify the current password under the same counter as sign-in, change it and e-mail the agent.

    Return the refusal, or None after the change. This session continues under a new key; the agent's other sessions
    end, with the tokens that applications received in them.
    """
    result = verify_password(request, agent, agent.uid, current, now)
    if isinstance(result, PasswordRefusal):
        record(Event.PASSWORD_CHANGE_REFUSED, agent, reason=result.reason)
        return result
    _change(request, agent, new)
    return None


def _change(request: HttpRequest, agent: Agent, new: str) -> None:
    with transaction.atomic():
        agent.set_password(new)
        agent.save(update_fields=["password"])
        update_session_auth_hash(request, agent)
        kept = get_session(request).sid
        assert kept
        agent.sessions.exclude(sid=kept).delete()
        record(Event.PASSWORD_CHANGED, agent)
        notify(agent, _("Votre mot de passe a été changé"), "accounts/mails/password_changed.txt")
