"""Lists of the administration that can be filtered by what they offer only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ListedFilters(admin.ModelAdmin):
    """A list is filtered by what it offers, and by nothing else.

    Django allows any field of the model in the address: `?password__startswith=` would tell a hash letter by letter.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Exactly what the links of the list send: never a step into another table, nor a part of a value."""
        return any(lookup in self._sent_by(listed) for listed in self.list_filter)

    def _sent_by(self, listed: Any) -> set[str]:
        if isinstance(listed, type) and issubclass(listed, admin.SimpleListFilter):
            return {str(listed.parameter_name)}  # of a SimpleListFilter, which reads it by itself
        field = listed[0] if isinstance(listed, tuple) else listed
        return {f"{field}__{ending}" for ending in ("exact", "isnull", "isempty")}
