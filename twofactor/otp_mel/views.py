from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Agent
from accounts.refusals import PasswordRefusal
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core import times
from cerbere.core.redirects import SeeOther, get_next_url, redirect_to_next
from twofactor.codes import Outcome, clean_code
from twofactor.facts import get_active_device_ids, get_strength
from twofactor.otp_mel.add_otp_mel import AlreadyActive
from twofactor.otp_mel.add_otp_mel import add_otp_mel as add_otp_mel_act
from twofactor.otp_mel.forms import CodeForm, RenewForm
from twofactor.otp_mel.models import OtpMelDevice, needs_renewal
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel as remove_otp_mel_act
from twofactor.otp_mel.renew_otp_mel import NothingToRenew
from twofactor.otp_mel.renew_otp_mel import renew_otp_mel as renew_otp_mel_act
from twofactor.otp_mel.verify import continue_after_double_submit
from twofactor.otp_mel.verify import verify as verify_act
from twofactor.sources import SourceUnavailable, State, get_source
from twofactor.strength import Strength

ADD, REMOVE, VERIFY = "twofactor/add_otp_mel.html", "twofactor/remove_otp_mel.html", "twofactor/verify.html"
RENEW = "twofactor/renew_otp_mel.html"
code_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def choose_method(request: HttpRequest) -> HttpResponse:
    """Redirect to the only method so far."""
    return redirect("add_otp_mel")


@login_not_required
@sensitive_post_parameters("code")
@code_page
def add_otp_mel(request: HttpRequest) -> HttpResponse:
    agent = request.user
    if not isinstance(agent, Agent):
        return _answer_without_session(request, _get_success_url(request))
    try:
        return _add(request, agent) if request.method == "POST" else _show_add_form(request, agent)
    except SourceUnavailable:
        return _render_source_down(request, agent)
    except AlreadyActive:
        return _redirect_when_active(request)


def _redirect_when_active(request: HttpRequest) -> HttpResponse:
    key = request.session.session_key
    if key and request.session.exists(key):  # no message when another tab has changed the key: it could not be saved
        messages.info(request, _("La méthode OTP Mél est déjà activée."))
    return redirect("account")


def _show_add_form(request: HttpRequest, agent: Agent) -> HttpResponse:
    if needs_renewal(agent):
        return _redirect_to_renewal(request)
    if get_active_device_ids(agent):
        raise AlreadyActive
    state, _seed = get_source().look_up(agent.uid)
    return _render_unavailable(request, state) if state is not State.PRESENT else _render_form(request, ADD, CodeForm())


def _add(request: HttpRequest, agent: Agent) -> HttpResponse:
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _render_form(request, ADD, form)
    state, outcome, device = add_otp_mel_act(request, agent, form.cleaned_data["code"], timezone.now())
    if outcome is None or device is None:
        return _render_unavailable(request, state)
    return _render_refusal(request, ADD, form, outcome, device) or SeeOther(_get_success_url(request))


def _get_success_url(request: HttpRequest) -> str:
    """Return the URL of the success page with the `next` of this tab: another tab may wait for another application."""
    return _add_next(request, reverse("otp_mel_added"))


def _add_next(request: HttpRequest, url: str) -> str:
    next_url = get_next_url(request)
    return url + (f"?{urlencode({'next': next_url})}" if next_url else "")


def _render_source_down(request: HttpRequest, agent: Agent) -> HttpResponse:
    record(Event.SOURCE_UNAVAILABLE, agent)
    return _render_unavailable(request, "unavailable")


def _render_unavailable(request: HttpRequest, state: str) -> HttpResponse:
    """Render the page for a secret that cannot be used: 503 if the source is down, else 200."""
    is_down = state == "unavailable"
    context = {"state": state, "retry_url": _add_next(request, request.path)}
    response = render(request, "twofactor/otp_mel_unavailable.html", context, status=503 if is_down else 200)
    if is_down:
        response["Retry-After"] = "60"
    return response


@require_safe
def otp_mel_added(request: HttpRequest) -> HttpResponse:
    """Show the success page to a session at two factors; redirect any other to the account page."""
    if get_strength(request) < Strength.TWO_FACTOR:
        return redirect("account")
    return render(request, "twofactor/otp_mel_added.html", {"next": get_next_url(request)})


@login_not_required
@sensitive_post_parameters("code")
@code_page
def verify(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, Agent):
        return _answer_without_session(request, get_next_url(request) or reverse("account"))
    if not get_active_device_ids(request.user):
        return redirect_to_next(request, "account")  # the page that required a code decides again
    if needs_renewal(request.user):
        return _redirect_to_renewal(request)
    if request.method != "POST":
        return _render_form(request, VERIFY, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _render_form(request, VERIFY, form)
    try:
        outcome, device = verify_act(request, request.user, form.cleaned_data["code"], timezone.now())
    except OtpMelDevice.DoesNotExist:
        return redirect("account")  # removed meanwhile
    except SourceUnavailable:
        return _render_source_down(request, request.user)
    return _render_refusal(request, VERIFY, form, outcome, device) or redirect_to_next(request, "account")


@sensitive_post_parameters("code")
@code_page
def remove_otp_mel(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Agent)
    if not get_active_device_ids(request.user):
        return redirect("account")
    if needs_renewal(request.user):
        return _redirect_to_renewal(request)
    if request.method != "POST":
        return _render_form(request, REMOVE, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _render_form(request, REMOVE, form)
    try:
        outcome, device = remove_otp_mel_act(request, request.user, form.cleaned_data["code"], timezone.now())
    except OtpMelDevice.DoesNotExist:
        return redirect("account")  # removed meanwhile
    except SourceUnavailable:
        return _render_source_down(request, request.user)
    refusal_page = _render_refusal(request, REMOVE, form, outcome, device)
    if not refusal_page:
        messages.success(request, _("La méthode OTP Mél est retirée."))
    return refusal_page or redirect("account")


@login_not_required
@sensitive_post_parameters("code", "password")
@code_page
def renew_otp_mel(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, Agent):
        return _answer_without_session(request, _get_success_url(request))
    if not needs_renewal(request.user):
        return redirect_to_next(request, "account")
    form = RenewForm(request.POST) if request.method == "POST" else None
    try:
        if form and form.is_valid():
            return _renew(request, request.user, form)
        return _show_renewal_form(request, request.user, form or RenewForm())
    except SourceUnavailable:
        return _render_source_down(request, request.user)
    except NothingToRenew:
        return redirect_to_next(request, "account")


def _show_renewal_form(request: HttpRequest, agent: Agent, form: RenewForm) -> HttpResponse:
    state, _seed = get_source().look_up(agent.uid)
    return _render_unavailable(request, state) if state is not State.PRESENT else _render_form(request, RENEW, form)


def _renew(request: HttpRequest, agent: Agent, form: RenewForm) -> HttpResponse:
    values = form.cleaned_data
    result = renew_otp_mel_act(request, agent, values["password"], values["code"], timezone.now())
    if isinstance(result, PasswordRefusal):
        return _render_password_refusal(request, form, result)
    if isinstance(result, State):
        return _render_unavailable(request, result)
    return _render_refusal(request, RENEW, form, *result) or SeeOther(_get_success_url(request))


def _render_password_refusal(request: HttpRequest, form: RenewForm, refusal: PasswordRefusal) -> HttpResponse:
    until = refusal.wait_until
    if until is None:
        form.add_error("password", _("Le mot de passe est incorrect."))
        return _render_form(request, RENEW, form)
    form.add_error(None, times.format_too_many_tries(until))
    return _render_wait(request, RENEW, form, until)


def _redirect_to_renewal(request: HttpRequest) -> HttpResponse:
    return SeeOther(_add_next(request, reverse("renew_otp_mel")))


def _answer_without_session(request: HttpRequest, next_url: str) -> HttpResponse:
    """Redirect to the login page, or to `next_url` if this is the second sending of one form.

    A code without a session is not evaluated.
    """
    code = clean_code(request.POST.get("code", ""))
    if continue_after_double_submit(request, code, timezone.now()):
        return SeeOther(next_url)
    return redirect_to_login(request.get_full_path())


def _render_refusal(
    request: HttpRequest, template: str, form: CodeForm, outcome: Outcome, device: OtpMelDevice
) -> HttpResponse | None:
    """Return the response to a refused code, the same text for every reason; None if the code was good."""
    if outcome in (Outcome.GOOD, Outcome.REPEATED):
        return None
    if outcome is Outcome.SECRET_CHANGED:
        return _redirect_to_renewal(request)
    if outcome is Outcome.TOO_MANY_TRIES:
        return _render_lockout(request, template, form, device)
    form.add_error("code", _(
        "Code incorrect ou déjà utilisé. Attendez le code suivant, "
        "et vérifiez que l’heure de votre téléphone est réglée automatiquement. "
        "Les codes de secours du Bnum et ceux reçus par courriel ne servent pas ici."
    ))  # fmt: skip
    return _render_form(request, template, form)


def _render_lockout(request: HttpRequest, template: str, form: CodeForm, device: OtpMelDevice) -> HttpResponse:
    if device.is_closed or device.locked_until is None:
        form.add_error(None, _("Trop d’essais. Contactez l’assistance de votre service pour débloquer la méthode."))
        return _render_form(request, template, form, status=429)
    form.add_error(None, times.format_too_many_tries(device.locked_until))
    return _render_wait(request, template, form, device.locked_until)


def _render_wait(request: HttpRequest, template: str, form: CodeForm, until: datetime) -> HttpResponse:
    response = _render_form(request, template, form, status=429)
    response["Retry-After"] = times.format_retry_after(until, timezone.now())
    return response


def _render_form(request: HttpRequest, template: str, form: CodeForm, status: int = 200) -> HttpResponse:
    return render(request, template, {"form": form, "next": get_next_url(request)}, status=status)
