from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cerbere.core.admin_lists import ListedFilters
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.models import LogoutNotice


class ClientFilter(admin.SimpleListFilter):
    """A filter by client_id; one on the relation itself would allow lookups through the relation."""

    title, parameter_name = "application", "application"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Client.objects.order_by("name").values_list("client_id", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogoutNotice]) -> QuerySet[LogoutNotice]:
        return queryset.filter(client__client_id=self.value()) if self.value() else queryset


@admin.register(LogoutNotice)
class LogoutNoticeAdmin(ListedFilters):
    """The page of back-channel logout notices and their outcomes; read-only."""

    list_display = ["created_at", "client", "agent", "attempts", "delivered_at", "last_error"]
    list_filter = [ClientFilter, ("delivered_at", admin.EmptyFieldListFilter)]
    list_select_related = ["client", "agent"]
    search_fields = ["agent__uid", "sid"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
