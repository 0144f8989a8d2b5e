"""Cerbère's own contract for a Bnum that gives its secrets over HTTP, in JSON (docs/sources.md#http)."""

import json
from typing import Any
from urllib.parse import quote

from django.conf import settings

from twofactor.secret_encodings import ENCODINGS
from twofactor.sources.contract import (
    RecordUnusable,
    SourceUnavailable,
    State,
    StepReporter,
    is_sendable,
    log,
    read_seed,
)
from twofactor.sources.fetch import Request, Response, fetch

JSON = "application/json"
DOT_SEGMENTS = (".", "..")  # would name another path (RFC 3986 §5.2.4)
SUPPORTED = {"algorithm": "SHA1", "digits": 6, "period": 30}


class HttpSource(StepReporter):
    """Secrets are read at MELOTP_URL, with MELOTP_TOKEN or a client certificate."""

    def look_up(self, uid: str) -> tuple[State, bytes | None]:
        """Look up as SeededSource does."""
        if not is_sendable(uid) or uid in DOT_SEGMENTS:
            return State.UNSUPPORTED, None
        url = f"{settings.MELOTP_URL.rstrip('/')}/agents/{quote(uid, safe='')}"
        document = parse_document(fetch(Request("GET", url, _make_headers()), self.report_step), uid)
        state = document.get("state")
        if state == State.PRESENT:
            return _read_seed(document)
        return State(str(state)), None


def _make_headers() -> dict[str, str]:
    return {"Accept": JSON} | ({"Authorization": f"Bearer {settings.MELOTP_TOKEN}"} if settings.MELOTP_TOKEN else {})


def parse_document(response: Response, uid: str) -> dict[str, Any]:
    """Return the JSON object of a sound answer about this agent. Raises SourceUnavailable.

    A 404 must itself say that the agent is absent: a wrong URL answers 404 too.
    """
    allowed = {200: (State.PRESENT, State.ABSENT, State.LOCKED), 404: (State.ABSENT,)}.get(response.status)
    if allowed is None:
        raise SourceUnavailable(f"status_{response.status}")
    document = _parse_json(response)
    if document.get("uid") != uid:
        raise RecordUnusable("another_uid")
    if document.get("state") not in allowed:
        raise SourceUnavailable("no_state")
    return document


def _parse_json(response: Response) -> dict[str, Any]:
    try:
        document = json.loads(response.body) if response.media_type == JSON else None
    except (ValueError, RecursionError) as error:
        raise SourceUnavailable("not_json") from error
    if not isinstance(document, dict):
        raise SourceUnavailable("not_json")
    return document


def _read_seed(document: dict[str, Any]) -> tuple[State, bytes | None]:
    """Return PRESENT and the seed; UNSUPPORTED when these parameters make a phone show codes that are not ours."""
    parameters = {name: document.get(name) for name in SUPPORTED}
    if parameters != SUPPORTED:
        log.error("parameters_not_supported", supported=SUPPORTED)
        return State.UNSUPPORTED, None
    encoding = document.get("encoding")
    if encoding not in ENCODINGS:
        raise RecordUnusable("no_encoding")
    return read_seed(document.get("secret"), encoding)
