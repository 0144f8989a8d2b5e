from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core.admin_lists import ListedFilters
from cerbere.core.redirects import SeeOther
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel_as_admin


class ReasonForm(forms.Form):
    reason = forms.CharField(label="Motif (envoyé à l’agent)", min_length=5, max_length=200, widget=forms.Textarea)


@admin.register(OtpMelDevice)
class OtpMelDeviceAdmin(ListedFilters):
    """The helpdesk's pages: the state of a method, its unlocking and its removal. No page shows the seed."""

    list_display = ["agent", "confirmed", "confirmed_at", "last_used_at", "failures", "locked_until", "last_refusal"]
    list_filter = ["confirmed"]
    list_select_related = ["user"]
    search_fields = ["user__uid", "user__email", "user__family_name"]
    fields = (
        "agent", "confirmed", "confirmed_at", "last_used_at", "failures", "locked_until", "last_refusal",
        "last_refusal_at",
    )  # fmt: skip
    readonly_fields = fields
    actions = ["unlock"]
    change_form_template = "admin/twofactor/device.html"

    @admin.display(description="agent", ordering="user__uid")
    def agent(self, device: OtpMelDevice) -> str:
        return f"{device.user.uid} ({device.user.get_full_name()})"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: OtpMelDevice | None = None) -> bool:
        """Reserve superusers' methods to superusers, as accounts.admin does for their accounts."""
        is_above = obj is not None and obj.user.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: `remove` asks for a reason, and keeps the row with its replay memory."""
        return False

    def get_urls(self) -> list[Any]:
        remove = self.admin_site.admin_view(self.remove)
        return [path("<int:pk>/retirer/", remove, name="remove_otp_mel"), *super().get_urls()]

    def remove(self, request: HttpRequest, pk: int) -> HttpResponse:
        device = get_object_or_404(OtpMelDevice.objects.select_related("user"), pk=pk, confirmed=True)
        if not self.has_change_permission(request, device):
            raise PermissionDenied
        form = ReasonForm(request.POST or None)
        if not form.is_valid():
            page = {"title": "Retirer OTP Mél", "form": form, "device": device}
            return render(request, "admin/twofactor/remove.html", self.admin_site.each_context(request) | page)
        assert isinstance(request.user, Agent)
        remove_otp_mel_as_admin(device, request.user, form.cleaned_data["reason"])
        self.message_user(request, "La méthode est retirée, l’agent est prévenu.", messages.SUCCESS)
        return SeeOther(reverse("admin:twofactor_otpmeldevice_changelist"))

    @admin.action(description="Débloquer", permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[OtpMelDevice]) -> None:
        devices = [d for d in queryset.select_related("user") if self.has_change_permission(request, d)]
        for device in devices:
            device.unlock()
            assert isinstance(request.user, Agent)
            record(Event.AGENT_UNLOCKED_BY_ADMIN, device.user, actor=request.user, what=device.name)
        self.message_user(request, "Les échecs sont oubliés.", messages.SUCCESS)
