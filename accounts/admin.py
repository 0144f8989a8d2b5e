from __future__ import annotations

from datetime import UTC
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import path

from accounts import attempts
from accounts.agent_imports import import_page
from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.admin_lists import ListedFilters

IDENTITY = ("uid", "email", "is_verified_account")  # the Bnum and applications recognise an agent by these fields
DIRECTORY_FIELDS = (
    "uid", "email", "given_name", "family_name", "organizational_unit", "siret", "phone_number", "mailbox",
)  # fmt: skip
GRACE = ("two_factor_grace_until", "two_factor_grace_reason")
REASON_LENGTH = 5  # characters at least
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class AgentForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        """Check that a grace comes with a reason."""
        values: dict[str, Any] = super().clean() or {}
        reason = (values.get("two_factor_grace_reason") or "").strip()
        if values.get("two_factor_grace_until") and len(reason) < REASON_LENGTH:
            self.add_error("two_factor_grace_reason", "Indiquez pourquoi ce délai est accordé.")
        return values


class NewAgentForm(AdminUserCreationForm):
    class Meta:
        model = Agent
        fields = ("uid", "email", "given_name", "family_name")


@admin.register(Agent)
class AgentAdmin(ListedFilters):
    """The pages on an agent's identity and state; only a superuser changes rights and identifying names.

    No page shows a password, or sets one on an agent who exists.
    """

    list_display = ["uid", "given_name", "family_name", "email", "organizational_unit", "is_active", "is_staff"]
    list_filter = ["is_active", "is_staff", "mailbox"]
    search_fields = ["uid", "email", "family_name", "given_name"]
    form = AgentForm
    readonly_fields = [
        "uuid", "directory_id", "directory_seen_at", "directory_closed_at", "two_factor_required_from", "last_login",
        "date_joined",
    ]  # fmt: skip
    actions = ["unlock", "end_sessions"]
    change_list_template = "admin/accounts/agents.html"
    fieldsets = (
        (None, {"fields": ("uid", "uuid", "email", "given_name", "family_name", "usual_name")}),
        ("Service", {"fields": ("organizational_unit", "siret", "phone_number", "mailbox", "is_verified_account")}),
        ("Annuaire", {"fields": ("directory_id", "directory_seen_at", "directory_closed_at")}),
        ("Deux facteurs", {"fields": ("two_factor_required_from", *GRACE)}),
        ("État", {"fields": ("is_active", "last_login", "date_joined")}),
        ("Droits", {"fields": RIGHTS}),
    )
    add_fieldsets = (
        (None, {"fields": ("uid", "email", "given_name", "family_name", "usable_password", "password1", "password2")}),
    )

    def get_urls(self) -> list[Any]:
        protected = self.admin_site.admin_view
        return [
            path("importer/", protected(import_page.import_agents_preview), name="import_agents"),
            path("importer/appliquer/", protected(import_page.import_agents_apply), name="import_agents_apply"),
            *super().get_urls(),
        ]

    def get_form(self, request: HttpRequest, obj: Agent | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({"form": NewAgentForm} if obj is None else {}) | kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        superuser_only = () if request.user.is_superuser else RIGHTS if obj is None else (*IDENTITY, *RIGHTS)
        from_directory = DIRECTORY_FIELDS if obj and obj.directory_id else ()
        return [*super().get_readonly_fields(request, obj), *superuser_only, *from_directory]

    def has_change_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """Reserve superusers' accounts to superusers: the helpdesk must not take one over by changing its e-mail."""
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """Refuse: agents are deactivated, because a uuid must never name another person later."""
        return False

    def save_model(self, request: HttpRequest, obj: Agent, form: ModelForm[Agent], change: bool) -> None:
        if "is_active" in form.changed_data:
            obj.directory_closed_at = None  # an administrator decides from now on, not the directory
        super().save_model(request, obj, form, change)
        if not obj.can_sign_in:
            obj.sessions.all().delete()
        record(
            Event.AGENT_CHANGED_BY_ADMIN, obj, actor=_get_admin(request),
            fields=", ".join(name for name in form.changed_data if "password" not in name),
        )  # fmt: skip
        if set(GRACE) & set(form.changed_data):
            _record_grace(request, obj)

    @admin.action(description="Débloquer la connexion", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in self._list_changeable(request, queryset):
            attempts.unlock(agent)
            record(Event.AGENT_UNLOCKED_BY_ADMIN, agent, actor=_get_admin(request), what="password")
        self.message_user(request, "Les essais de mot de passe sont oubliés.", messages.SUCCESS)

    @admin.action(description="Terminer toutes les sessions", permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        for agent in self._list_changeable(request, queryset):
            agent.sessions.all().delete()
            record(Event.SESSION_ENDED, agent, actor=_get_admin(request), by="admin")
        self.message_user(request, "Les sessions sont terminées.", messages.SUCCESS)

    def _list_changeable(self, request: HttpRequest, queryset: QuerySet[Agent]) -> list[Agent]:
        """Return those that this administrator may change: Django checks an action's permission on the model only."""
        return [agent for agent in queryset if self.has_change_permission(request, agent)]


def _record_grace(request: HttpRequest, agent: Agent) -> None:
    until = agent.two_factor_grace_until
    record(
        Event.TWO_FACTOR_GRACE_BY_ADMIN, agent, actor=_get_admin(request),
        until=until.astimezone(UTC).isoformat() if until else None, reason=agent.two_factor_grace_reason,
    )  # fmt: skip


def _get_admin(request: HttpRequest) -> Agent:
    assert isinstance(request.user, Agent)
    return request.user
