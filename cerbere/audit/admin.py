from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cerbere.audit.context import reference_of
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent


class EventFilter(admin.SimpleListFilter):
    """From the enumeration: asking the table which names it holds would read all of it."""

    title, parameter_name = "évènement", "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(event.value, event.value) for event in Event]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(name=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    """Read-only; searched by agent, application or the reference that a page showed."""

    list_display = ["at", "name", "agent", "actor", "client_id", "address", "reference"]
    list_filter = [EventFilter]
    search_fields = ["agent", "client_id", "request_id__startswith"]
    date_hierarchy = "at"
    show_full_result_count = False

    @admin.display(description="référence")
    def reference(self, event: AuditEvent) -> str:
        return reference_of(event.request_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        return super().get_search_results(request, queryset, _as_request_id(search_term))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _as_request_id(term: str) -> str:
    """7F3A-21C9, as read out by an agent, is the beginning of a request id."""
    head, dash, tail = term.strip().partition("-")
    return (head + tail).lower() if dash and len(head) == len(tail) == 4 else term
