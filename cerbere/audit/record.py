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
from cerbere.writes import insert, new

log = structlog.get_logger("cerbere.audit")
EVENTS = Counter("cerbere_events", "What the journal has recorded, by event", ["event"])
DETAIL_LENGTH = 200  # characters; longer values come from clients and say nothing more


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
    """Write one event to the table, in the caller's transaction, and one JSON line once that is committed.

    Never pass a secret, a code, a token or what an agent typed as identifier (it may be a password).
    """
    row = draft(event, agent, actor=actor, client_id=client_id, **detail)
    insert(row)
    told(row)
    return row


def draft(
    event: Event, agent: HasUid | None = None, *, actor: HasUid | None = None, client_id: str = "", **detail: Detail
) -> AuditEvent:
    """As `record`, for an act that writes the event in its own statement (`statements.change`), then calls `told`."""
    return _row(event, agent, actor, client_id, detail)


def told(row: AuditEvent) -> None:
    """The JSON line of an event that has been written, once that is committed."""
    transaction.on_commit(partial(_log, row))


def record_many(
    event: Event, happened: Iterable[tuple[HasUid, Mapping[str, Detail]]], actor: HasUid | None = None
) -> None:
    """As `record`, one event for each agent and its details, in few statements."""
    rows = [_row(event, agent, actor, "", detail) for agent, detail in happened]
    AuditEvent.objects.bulk_create(rows)
    for row in rows:
        told(row)


def _row(
    event: Event, agent: HasUid | None, actor: HasUid | None, client_id: str, detail: Mapping[str, Detail]
) -> AuditEvent:
    origin = current_origin.get()
    return new(
        AuditEvent,
        at=timezone.now(),
        name=event,
        agent=agent.uid if agent else "",
        actor=actor.uid if actor else "",
        client_id=client_id[:100],
        address=origin.address,
        request_id=origin.request_id,
        detail={key: _short(value) for key, value in detail.items()},
    )


def _short(value: Detail) -> Detail:
    return value[:DETAIL_LENGTH] if isinstance(value, str) else value


def _log(row: AuditEvent) -> None:
    EVENTS.labels(row.name).inc()
    log.info(row.name, agent=row.agent, actor=row.actor, client_id=row.client_id, address=row.address, **row.detail)
