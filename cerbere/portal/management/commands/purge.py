from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import attempts, notices
from accounts.models import AgentSession
from cerbere.audit.models import AuditEvent
from cerbere.core.batches import in_batches
from cerbere.provider.authorization.models import ParkedRequest, PushedRequest
from cerbere.provider.clients.models import UsedAssertion
from cerbere.provider.logout import back_channel
from cerbere.provider.logout.models import LogoutNotice
from cerbere.provider.tokens.models import Grant

GRANTS_KEPT = timedelta(days=1)  # a replayed code is recognised for that long
NOTICES_KEPT = timedelta(days=30)  # long enough for the helpdesk to ask what became of a logout
ATTEMPTS_KEPT = timedelta(days=1)  # longer than the longest memory of accounts.attempts


class Command(BaseCommand):
    help = "Remove what serves nobody any more: ended sessions, answered requests, spent grants, old events."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        back_channel.requeue_stalled_logout_notices(now)
        notices.requeue_stalled_notices(now)
        idle = Q(expire_date__lte=now) | Q(last_seen_at__lte=now - settings.SESSION_IDLE)
        removed = {
            "sessions": _delete_rows(AgentSession.objects.filter(idle)),
            "requests": sum(
                _delete_rows(model.objects.filter(expires_at__lte=now))
                for model in (ParkedRequest, PushedRequest, UsedAssertion)
            ),
            "grants": _delete_rows(Grant.objects.filter(created_at__lte=now - GRANTS_KEPT)),
            "attempts": attempts.purge_before(now - ATTEMPTS_KEPT),
            "notices": _delete_rows(LogoutNotice.objects.filter(created_at__lte=now - NOTICES_KEPT)),
            "events": AuditEvent.objects.all().purge_before(now - settings.AUDIT_RETENTION),
        }
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in removed.items()))


def _delete_rows(rows: QuerySet[Any]) -> int:
    return sum(batch.delete()[0] for batch in in_batches(rows))
