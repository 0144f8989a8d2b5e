"""The Bnum's secrets: is one there for this agent, and what is it, or is this code right.

One source is active, the one that CERBERE_MELOTP_SOURCE names.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from twofactor.sources.answers import Source, SourceUnavailable, State

__all__ = ["SOURCES", "Source", "SourceUnavailable", "State", "source"]

SOURCES = {
    "database": "twofactor.sources.database.DatabaseSource",
    "imported": "twofactor.sources.imported.ImportedSource",
}


def source() -> Source:
    active: Source = import_string(SOURCES[settings.MELOTP_SOURCE])()
    return active
