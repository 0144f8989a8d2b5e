from datetime import datetime
from typing import Any, Never

from django.db import models

from cerbere.core.batches import in_batches


class AppendOnly(models.QuerySet["AuditEvent"]):
    def update(self, **_: Any) -> Never:
        raise TypeError("the audit log is append-only")

    def delete(self) -> Never:
        raise TypeError("the audit log is append-only; see the purge command")

    def purge_before(self, limit: datetime) -> int:
        """Delete the events before this time, which nothing else may do, and return their number."""
        return sum(models.QuerySet.delete(batch)[0] for batch in in_batches(self.filter(at__lt=limit)))


class AuditEvent(models.Model):
    """An event of the audit log. `agent` and `actor` are uids, since the audit log outlives accounts."""

    at = models.DateTimeField("date", db_index=True)
    name = models.CharField("évènement", max_length=40)
    agent = models.CharField("agent", max_length=150, blank=True)
    actor = models.CharField("acteur", max_length=150, blank=True)
    client_id = models.CharField("application", max_length=100, blank=True)
    address = models.GenericIPAddressField("adresse", null=True)
    request_id = models.CharField("requête", max_length=32, blank=True)
    detail = models.JSONField("détail", default=dict)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "évènement"
        verbose_name_plural = "évènements"
        indexes = [  # explicit: Django would make two for each text column, which every event would pay for
            models.Index(fields=["agent"], name="event_agent"),
            models.Index(fields=["request_id"], name="event_request", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("the audit log is append-only")
        super().save(*args, **kwargs)

    def delete(self, *_: Any, **__: Any) -> Never:
        raise TypeError("the audit log is append-only")
