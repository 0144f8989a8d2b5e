"""The Bnum's secrets: is one there for this agent, and what is it, or is this code right.

One source is active, the one that CERBERE_MELOTP_SOURCE names. docs/sources.md tells them apart.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from twofactor.sources.answers import DelegatedSource, SeededSource, Source, SourceUnavailable, State, Tell, silent
from twofactor.sources.watch import Watch, Watched, WatchedDelegated, watch_of

__all__ = [
    "SOURCES", "DelegatedSource", "SeededSource", "Source", "SourceUnavailable", "State",
    "current_watch", "source", "unwatched",
]  # fmt: skip

SOURCES = {
    "database": "twofactor.sources.database.DatabaseSource",
    "imported": "twofactor.sources.imported.ImportedSource",
    "dynalogind": "twofactor.sources.dynalogind.DynalogindSource",
    "webservice": "twofactor.sources.webservice.WebserviceSource",
    "http": "twofactor.sources.http.HttpSource",
}


def source() -> Source:
    """The active source, behind the breaker that this process keeps for it."""
    active = unwatched()
    if isinstance(active, DelegatedSource):
        return WatchedDelegated(active, current_watch())
    return Watched(active, current_watch())


def unwatched(tell: Tell = silent) -> Source:
    """The active source itself, which tells its steps."""
    active: Source = import_string(SOURCES[settings.MELOTP_SOURCE])(tell)
    return active


def current_watch() -> Watch:
    return watch_of(settings.MELOTP_SOURCE)
