from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import AgentSession
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.tokens.models import Grant
from twofactor.codes import STEP, get_step
from twofactor.otp_mel.models import OtpMelDevice


class Command(BaseCommand):
    help = "After the database was restored, before nodes start: end sessions, revoke tokens, burn the codes of before."

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        last_step = get_step(now) + settings.OTP_TOLERANCE  # the latest step that a node can have accepted
        with transaction.atomic():
            _lift_statement_timeout()
            done = {
                "sessions": _end_sessions(),
                "grants": Grant.objects.filter(revoked_at=None).update(revoked_at=now),
                "devices": OtpMelDevice.objects.filter(last_step__lt=last_step).update(last_step=last_step),
            }
            record(Event.DATABASE_RESTORED, **done)
        self.stdout.write(", ".join(f"{name}: {count}" for name, count in done.items()))
        self.stdout.write(f"start the nodes at {_compute_restart_time(last_step):%Y-%m-%d %H:%M:%S} UTC, not earlier")


def _lift_statement_timeout() -> None:
    """Lift the timeout of this transaction's statements, which change whole tables."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")


def _end_sessions() -> int:
    """End all sessions, one by one so that the applications are notified, and return their number."""
    count = AgentSession.objects.count()
    AgentSession.objects.all().delete()
    return count


def _compute_restart_time(last_step: int) -> datetime:
    """Return the time from which no step up to `last_step` is accepted, even for a device without a row."""
    return datetime.fromtimestamp((last_step + settings.OTP_TOLERANCE + 1) * STEP, tz=UTC)
