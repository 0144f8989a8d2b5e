"""The sources of the Bnum's secrets: each gives an agent's secret, or answers whether a code is right.

One source is active, the one that CERBERE_MELOTP_SOURCE names. docs/sources.md compares them.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from twofactor.sources.contract import (
    DelegatedSource,
    ReportStep,
    SeededSource,
    Source,
    SourceUnavailable,
    State,
    ignore_step,
)
from twofactor.sources.watch import Watch, WatchedDelegatedSource, WatchedSource, get_watch

__all__ = [
    "SOURCES", "DelegatedSource", "SeededSource", "Source", "SourceUnavailable", "State",
    "get_current_watch", "get_source", "get_unwatched_source",
]  # fmt: skip

SOURCES = {
    "database": "twofactor.sources.database.DatabaseSource",
    "imported": "twofactor.sources.imported.ImportedSource",
    "dynalogind": "twofactor.sources.dynalogind.DynalogindSource",
    "webservice": "twofactor.sources.webservice.WebserviceSource",
    "http": "twofactor.sources.http.HttpSource",
}


def get_source() -> Source:
    """Return the active source, behind the circuit breaker that this process keeps for it."""
    active = get_unwatched_source()
    if isinstance(active, DelegatedSource):
        return WatchedDelegatedSource(active, get_current_watch())
    return WatchedSource(active, get_current_watch())


def get_unwatched_source(report_step: ReportStep = ignore_step) -> Source:
    """Return the active source without its circuit breaker; it reports its steps."""
    active: Source = import_string(SOURCES[settings.MELOTP_SOURCE])(report_step)
    return active


def get_current_watch() -> Watch:
    return get_watch(settings.MELOTP_SOURCE)
