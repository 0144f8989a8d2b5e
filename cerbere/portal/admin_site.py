from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator

from accounts.models import Agent
from cerbere.core.redirects import SeeOther, get_next_url
from twofactor.facts import get_active_device_ids, get_strength
from twofactor.sources import get_current_watch
from twofactor.strength import Strength


class TwoFactorAdminSite(AdminSite):
    """Django admin for staff with two factors; other staff are redirected to the code page, others refused."""

    site_header = site_title = "Cerbère – administration"
    index_title = "Administration"
    index_template = "admin/home.html"

    def has_permission(self, request: HttpRequest) -> bool:
        agent = request.user
        return isinstance(agent, Agent) and agent.is_staff and get_strength(request) >= Strength.TWO_FACTOR

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"source": get_current_watch(), **(extra_context or {})})

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Redirect to the portal's own pages: sign-in, then the code or the activation of a method."""
        query = urlencode({"next": get_next_url(request) or reverse("admin:index")})
        agent = request.user
        if not isinstance(agent, Agent):
            return SeeOther(f"{reverse('sign_in')}?{query}")
        if not agent.is_staff:
            raise PermissionDenied
        if get_strength(request) >= Strength.TWO_FACTOR:
            return SeeOther(get_next_url(request) or reverse("admin:index"))
        return SeeOther(f"{reverse('verify' if get_active_device_ids(agent) else 'add_otp_mel')}?{query}")

    def logout(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> Any:
        return SeeOther(reverse("sign_out"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> Any:
        """Redirect to the portal's page, which counts attempts, records the change and sends a mail."""
        return SeeOther(reverse("change_password"))

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> Any:
        return SeeOther(reverse("account"))
