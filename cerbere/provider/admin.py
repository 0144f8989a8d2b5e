from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.admin import ListedFilters
from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.models import CLIENT_FIELDS, Client, LogoutNotice


class LinesField(forms.CharField):
    """A list, one item a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else str(value or "").split()

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The model's validators see the list."""


class ClientForm(forms.ModelForm):
    redirect_uris = LinesField(label="Adresses de retour", help_text="Une par ligne, comparées exactement.")
    post_logout_redirect_uris = LinesField(label="Adresses après déconnexion", required=False)
    claims = LinesField(label="Données permises", required=False, help_text="Une par ligne ; vide : toutes.")

    class Meta:
        model = Client
        fields = CLIENT_FIELDS


@admin.register(Client)
class ClientAdmin(ListedFilters):
    """The secret is shown once, on the page that answers its making: a message would be kept with the session."""

    form = ClientForm
    list_display = ["client_id", "name", "enabled", "minimum", "pkce_required", "id_token_alg"]
    list_filter = ["enabled", "minimum"]
    search_fields = ["client_id", "name"]
    actions = ["renew_secret", "forget_previous_secret"]

    def save_model(self, request: HttpRequest, obj: Client, form: forms.ModelForm[Client], change: bool) -> None:
        if not change:
            obj.shown_once = obj.renew_secret()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)
        _record(request, obj, ", ".join(form.changed_data))

    def response_add(self, request: HttpRequest, obj: Client, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_once(request, {obj.client_id: obj.shown_once})  # type: ignore[attr-defined]

    @admin.action(description="Renouveler le secret (le précédent reste valable)", permissions=["change"])
    def renew_secret(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        secrets = {}
        for client in queryset:
            secrets[client.client_id] = client.renew_secret()
            client.save(update_fields=["secret_digest", "previous_secret_digest"])
            _record(request, client, "secret")
        return self._show_once(request, secrets)

    @admin.action(description="Oublier le secret précédent", permissions=["change"])
    def forget_previous_secret(self, request: HttpRequest, queryset: Any) -> None:
        for client in queryset:
            client.forget_previous_secret()
            client.save(update_fields=["previous_secret_digest"])
            _record(request, client, "previous_secret")
        self.message_user(request, "Seul le dernier secret est valable.", messages.SUCCESS)

    def _show_once(self, request: HttpRequest, secrets: dict[str, str]) -> HttpResponse:
        page = {"title": "Secrets, montrés cette seule fois", "secrets": secrets.items()}
        return render(request, "admin/provider/secrets.html", self.admin_site.each_context(request) | page)


class ClientFilter(admin.SimpleListFilter):
    """By name: a filter on the relation itself would let lookups go through it."""

    title, parameter_name = "application", "application"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Client.objects.order_by("name").values_list("client_id", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogoutNotice]) -> QuerySet[LogoutNotice]:
        return queryset.filter(client__client_id=self.value()) if self.value() else queryset


@admin.register(LogoutNotice)
class LogoutNoticeAdmin(ListedFilters):
    """What became of each back-channel logout; read-only."""

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


def _record(request: HttpRequest, client: Client, fields: str) -> None:
    assert isinstance(request.user, Agent)
    record(Event.CLIENT_CHANGED_BY_ADMIN, actor=request.user, client_id=client.client_id, fields=fields)
