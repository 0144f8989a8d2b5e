from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cerbere.audit.context import make_reference
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent


class EventFilter(admin.SimpleListFilter):
    """A filter by event name. Names come from the enumeration, since the table would have to be read whole."""

    title, parameter_name = "évènement", "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(event.value, event.value) for event in Event]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(name=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """The page of the audit log: read-only, searched by agent, application or the reference that a page has shown."""

    list_display = ["at", "name", "agent", "actor", "client_id", "address", "reference"]
    list_filter = [EventFilter]
    search_fields = ["agent", "client_id", "request_id__startswith"]
    date_hierarchy = "at"
    show_full_result_count = False

    @admin.display(description="référence")
    def reference(self, event: AuditEvent) -> str:
        return make_reference(event.request_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        return super().get_search_results(request, queryset, _parse_reference(search_term))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _parse_reference(term: str) -> str:
    """Return the beginning of the request id that a reference such as 7F3A-21C9 names; other terms as they are."""
    left, dash, right = term.strip().partition("-")
    return (left + right).lower() if dash and len(left) == len(right) == 4 else term
