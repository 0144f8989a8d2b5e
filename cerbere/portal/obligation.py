"""Redirect agents who must use two factors from « Mon compte », where a sign-in ends, to the next step."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from cerbere.core.redirects import SeeOther

PAGES = {"active": "verify", "changed": "renew_otp_mel", "available": "add_otp_mel"}  # by the state of the method


def redirect_to_second_factor(request: HttpRequest, context: dict[str, Any]) -> SeeOther | None:
    """Return a redirect to the code page or to the activation, None when two factors are not due.

    Also return None when no method can be added now: « Mon compte » says what is missing.
    """
    page = PAGES.get(context["otp_mel"].state)
    if page is None or context["strength"] == "two_factor" or not context["two_factor_overdue"]:
        return None
    messages.warning(request, _("L’authentification à deux facteurs est obligatoire pour votre compte."))
    return SeeOther(f"{reverse(page)}?{urlencode({'next': reverse('account')})}")
