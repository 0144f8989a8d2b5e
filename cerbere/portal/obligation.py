"""Agents who owe two factors are led there from « Mon compte », where a sign-in ends."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from cerbere.core.redirects import SeeOther

PAGES = {"active": "verify", "changed": "renew_otp_mel", "available": "add_otp_mel"}  # by the state of the method


def to_two_factors(request: HttpRequest, context: dict[str, Any]) -> SeeOther | None:
    """To the code or to the activation, back here afterwards; None for those who owe nothing more.

    And for those whose method cannot be added now: the page says what is missing.
    """
    page = PAGES.get(context["otp_mel"].state)
    if page is None or context["strength"] == "two_factor" or not context["two_factor_overdue"]:
        return None
    messages.warning(request, _("L’authentification à deux facteurs est obligatoire pour votre compte."))
    return SeeOther(f"{reverse(page)}?{urlencode({'next': reverse('account')})}")
