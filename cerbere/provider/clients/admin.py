from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.admin_lists import ListedFilters
from cerbere.provider.clients.models import CLIENT_FIELDS, Client


class LinesField(forms.CharField):
    """A form field for a list, one item a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else str(value or "").split()

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """Run no validator here: the model's validators check the list."""


class ClientForm(forms.ModelForm):
    redirect_uris = LinesField(label="Adresses de retour", help_text="Une par ligne, comparées exactement.")
    post_logout_redirect_uris = LinesField(label="Adresses après déconnexion", required=False)
    claims = LinesField(label="Données permises", required=False, help_text="Une par ligne ; vide : toutes.")

    class Meta:
        model = Client
        fields = CLIENT_FIELDS


@admin.register(Client)
class ClientAdmin(ListedFilters):
    """The page of clients. A new secret is shown once in the response: a message would be stored with the session."""

    form = ClientForm
    list_display = ["client_id", "name", "enabled", "minimum", "pkce_required", "id_token_alg"]
    list_filter = ["enabled", "minimum"]
    search_fields = ["client_id", "name"]
    actions = ["renew_secret", "forget_previous_secret"]

    def save_model(self, request: HttpRequest, obj: Client, form: forms.ModelForm[Client], change: bool) -> None:
        if not change:
            obj.shown_once = obj.renew_secret()  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)
        _record_change(request, obj, ", ".join(form.changed_data))

    def response_add(self, request: HttpRequest, obj: Client, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_once(request, {obj.client_id: obj.shown_once})  # type: ignore[attr-defined]

    @admin.action(description="Renouveler le secret (le précédent reste valable)", permissions=["change"])
    def renew_secret(self, request: HttpRequest, queryset: Any) -> HttpResponse:
        secrets = {}
        for client in queryset:
            secrets[client.client_id] = client.renew_secret()
            client.save(update_fields=["secret_digest", "previous_secret_digest"])
            _record_change(request, client, "secret")
        return self._show_once(request, secrets)

    @admin.action(description="Oublier le secret précédent", permissions=["change"])
    def forget_previous_secret(self, request: HttpRequest, queryset: Any) -> None:
        for client in queryset:
            client.forget_previous_secret()
            client.save(update_fields=["previous_secret_digest"])
            _record_change(request, client, "previous_secret")
        self.message_user(request, "Seul le dernier secret est valable.", messages.SUCCESS)

    def _show_once(self, request: HttpRequest, secrets: dict[str, str]) -> HttpResponse:
        page = {"title": "Secrets, montrés cette seule fois", "secrets": secrets.items()}
        return render(request, "admin/provider/secrets.html", self.admin_site.each_context(request) | page)


def _record_change(request: HttpRequest, client: Client, fields: str) -> None:
    assert isinstance(request.user, Agent)
    record(Event.CLIENT_CHANGED_BY_ADMIN, actor=request.user, client_id=client.client_id, fields=fields)
