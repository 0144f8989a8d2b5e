"""Write events to the audit log: a row of the table, and a JSON line once that row is committed."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

import structlog
from django.db import transaction
from django.utils import timezone
from prometheus_client import Counter

from cerbere.audit.context import current_origin
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent

log = structlog.get_logger("cerbere.audit")
EVENTS = Counter("cerbere_events", "Events recorded in the audit log, by event", ["event"])
DETAIL_LENGTH = 200  # characters; longer values come from clients and are of no use


Detail = str | int | bool | None


class HasUid(Protocol):
    uid: str


def record(
    event: Event,
    agent: HasUid | None = None,
    *,
    actor: HasUid | None = None,
    client_id: str = "",
    **detail: Detail,
) -> AuditEvent:
    """Write one event in the caller's transaction, and its JSON line once that is committed.

    Never pass a secret, a code, a token or what an agent typed as identifier (it may be a password).
    """
    row = _make_row(event, agent, actor, client_id, detail)
    row.save(force_insert=True)
    _log_on_commit(row)
    return row


def record_many(
    event: Event, details_by_agent: Iterable[tuple[HasUid, Mapping[str, Detail]]], actor: HasUid | None = None
) -> None:
    """Write one event for each agent and its details, in few statements."""
    rows = [_make_row(event, agent, actor, "", detail) for agent, detail in details_by_agent]
    AuditEvent.objects.bulk_create(rows)
    for row in rows:
        _log_on_commit(row)


def _make_row(
    event: Event, agent: HasUid | None, actor: HasUid | None, client_id: str, detail: Mapping[str, Detail]
) -> AuditEvent:
    origin = current_origin.get()
    return AuditEvent(
        at=timezone.now(),
        name=event.value,
        agent=agent.uid if agent else "",
        actor=actor.uid if actor else "",
        client_id=client_id[:100],
        address=origin.ip_address,
        request_id=origin.request_id,
        detail={key: _shorten(value) for key, value in detail.items()},
    )


def _shorten(value: Detail) -> Detail:
    return value[:DETAIL_LENGTH] if isinstance(value, str) else value


def _log_on_commit(row: AuditEvent) -> None:
    transaction.on_commit(partial(_write_log_line, row))


def _write_log_line(row: AuditEvent) -> None:
    EVENTS.labels(row.name).inc()
    log.info(row.name, agent=row.agent, actor=row.actor, client_id=row.client_id, address=row.address, **row.detail)
