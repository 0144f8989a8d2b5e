"""The act of changing one's password, for accounts kept by Cerbère itself."""

from datetime import datetime

from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Agent
from accounts.notices import notify
from accounts.refusals import Refused
from accounts.sessions.store import session_of
from accounts.sign_in.prove_password import prove_password
from cerbere.audit.events import Event
from cerbere.audit.record import record


def change_password(request: HttpRequest, agent: Agent, current: str, new: str, now: datetime) -> Refused | None:
    """Check the current password under the same counter as sign-in, then change it and mail the agent.

    Returns why it was refused, None when it is done. This session goes on under a new key; the others end, and
    what applications were given in them with them.
    """
    proved = prove_password(request, agent, agent.uid, current, now)
    if isinstance(proved, Refused):
        record(Event.PASSWORD_CHANGE_REFUSED, agent, reason=proved.reason)
        return proved
    _change(request, agent, new)
    return None


def _change(request: HttpRequest, agent: Agent, new: str) -> None:
    with transaction.atomic():
        agent.set_password(new)
        agent.save(update_fields=["password"])
        update_session_auth_hash(request, agent)
        kept = session_of(request).sid
        assert kept
        agent.sessions.exclude(sid=kept).delete()
        record(Event.PASSWORD_CHANGED, agent)
        notify(agent, _("Votre mot de passe a été changé"), "accounts/mails/password_changed.txt")
