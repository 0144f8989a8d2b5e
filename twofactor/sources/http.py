"""Cerbère's own contract for a Bnum that gives its secrets over HTTP, in JSON (docs/sources.md#http)."""

import json
from typing import Any
from urllib.parse import quote

from django.conf import settings

from twofactor.sources.answers import (
    ENCODINGS,
    RecordUnusable,
    SourceUnavailable,
    State,
    Told,
    log,
    seed_of,
    sendable,
)
from twofactor.sources.fetch import Question, Reply, fetch

JSON = "application/json"
DOT_SEGMENTS = (".", "..")  # would name another path (RFC 3986 §5.2.4)
SUPPORTED = {"algorithm": "SHA1", "digits": 6, "period": 30}


class HttpSource(Told):
    """Secrets are read at MELOTP_URL, with MELOTP_TOKEN or a client certificate."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """As SeededSource.look_up."""
        if not sendable(uid) or uid in DOT_SEGMENTS:
            return State.UNSUPPORTED, None
        url = f"{settings.MELOTP_URL.rstrip('/')}/agents/{quote(uid, safe='')}"
        document = document_in(fetch(Question("GET", url, _headers()), self.tell), uid)
        state = document.get("state")
        if state == State.PRESENT:
            return _seed(document)
        return State(str(state)), None


def _headers() -> dict[str, str]:
    return {"Accept": JSON} | ({"Authorization": f"Bearer {settings.MELOTP_TOKEN}"} if settings.MELOTP_TOKEN else {})


def document_in(reply: Reply, uid: str) -> dict[str, Any]:
    """A sound answer about this agent. Raises SourceUnavailable.

    A 404 must say by itself that the agent is absent: a wrong address answers 404 too.
    """
    allowed = {200: (State.PRESENT, State.ABSENT, State.LOCKED), 404: (State.ABSENT,)}.get(reply.status)
    if allowed is None:
        raise SourceUnavailable(f"status_{reply.status}")
    document = _parsed(reply)
    if document.get("uid") != uid:
        raise RecordUnusable("another_uid")
    if document.get("state") not in allowed:
        raise SourceUnavailable("no_state")
    return document


def _parsed(reply: Reply) -> dict[str, Any]:
    try:
        document = json.loads(reply.body) if reply.media_type == JSON else None
    except (ValueError, RecursionError) as error:
        raise SourceUnavailable("not_json") from error
    if not isinstance(document, dict):
        raise SourceUnavailable("not_json")
    return document


def _seed(document: dict[str, Any]) -> tuple[State, bytes | None]:
    """UNSUPPORTED when a phone set up with these parameters shows codes that are not ours."""
    given = {name: document.get(name) for name in SUPPORTED}
    if given != SUPPORTED:
        log.error("parameters_not_supported", supported=SUPPORTED)
        return State.UNSUPPORTED, None
    encoding = document.get("encoding")
    if encoding not in ENCODINGS:
        raise RecordUnusable("no_encoding")
    return seed_of(document.get("secret"), encoding)
