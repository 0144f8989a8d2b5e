"""Readings of the audit log."""

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent


def count_events(event: Event) -> int:
    """Return how many times this event is in the audit log."""
    return AuditEvent.objects.filter(name=event).count()


def list_reasons(event: Event = Event.SIGN_IN_REFUSED) -> list[str]:
    """Return the reasons of these refusals, the oldest first."""
    return list(AuditEvent.objects.filter(name=event).order_by("id").values_list("detail__reason", flat=True))
