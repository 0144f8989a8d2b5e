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
from accounts.refusals import Refused
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core import times
from cerbere.core.redirects import SeeOther, continue_to, next_of
from twofactor.codes import Outcome, clean_code
from twofactor.facts import active_devices, strength
from twofactor.otp_mel.add_otp_mel import AlreadyActive
from twofactor.otp_mel.add_otp_mel import add_otp_mel as add_otp_mel_act
from twofactor.otp_mel.forms import CodeForm, RenewForm
from twofactor.otp_mel.models import OtpMelDevice, needs_renewal
from twofactor.otp_mel.remove_otp_mel import remove_otp_mel as remove_otp_mel_act
from twofactor.otp_mel.renew_otp_mel import NothingToRenew
from twofactor.otp_mel.renew_otp_mel import renew_otp_mel as renew_otp_mel_act
from twofactor.otp_mel.verify import rejoin_after_double_submit
from twofactor.otp_mel.verify import verify as verify_act
from twofactor.sources import SourceUnavailable, State, source
from twofactor.strength import Strength

ADD, REMOVE, VERIFY = "twofactor/add_otp_mel.html", "twofactor/remove_otp_mel.html", "twofactor/verify.html"
RENEW = "twofactor/renew_otp_mel.html"
code_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def choose_method(request: HttpRequest) -> HttpResponse:
    """« Ajouter méthode »: one method so far."""
    return redirect("add_otp_mel")


@login_not_required
@sensitive_post_parameters("code")
@code_page
def add_otp_mel(request: HttpRequest) -> HttpResponse:
    agent = request.user
    if not isinstance(agent, Agent):
        return _without_session(request, _success_page(request))
    try:
        return _add(request, agent) if request.method == "POST" else _offer(request, agent)
    except SourceUnavailable:
        return _source_down(request, agent)
    except AlreadyActive:
        return _already_active(request)


def _already_active(request: HttpRequest) -> HttpResponse:
    """With a message, unless another tab has just changed this session's key: nothing can be written to it."""
    key = request.session.session_key
    if key and request.session.exists(key):
        messages.info(request, _("La méthode OTP Mél est déjà activée."))
    return redirect("account")


def _offer(request: HttpRequest, agent: Agent) -> HttpResponse:
    if needs_renewal(agent):
        return _renew_first(request)
    if active_devices(agent):
        raise AlreadyActive
    state, _seed = source().look_up(agent.uid)
    return _unavailable(request, state) if state is not State.PRESENT else _show(request, ADD, CodeForm())


def _add(request: HttpRequest, agent: Agent) -> HttpResponse:
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _show(request, ADD, form)
    state, outcome, device = add_otp_mel_act(request, agent, form.cleaned_data["code"], timezone.now())
    if outcome is None or device is None:
        return _unavailable(request, state)
    return _refused(request, ADD, form, outcome, device) or SeeOther(_success_page(request))


def _success_page(request: HttpRequest) -> str:
    """With what the agent came for: another tab may wait for another application."""
    return _with_next(request, reverse("otp_mel_added"))


def _with_next(request: HttpRequest, address: str) -> str:
    then = next_of(request)
    return address + (f"?{urlencode({'next': then})}" if then else "")


def _source_down(request: HttpRequest, agent: Agent) -> HttpResponse:
    record(Event.SOURCE_UNAVAILABLE, agent)
    return _unavailable(request, "unavailable")


def _unavailable(request: HttpRequest, state: str) -> HttpResponse:
    """No secret to check against. A source that is down is a fault of ours (503), the rest an answer."""
    down = state == "unavailable"
    context = {"state": state, "retry_url": _with_next(request, request.path)}
    response = render(request, "twofactor/otp_mel_unavailable.html", context, status=503 if down else 200)
    if down:
        response["Retry-After"] = "60"
    return response


@require_safe
def otp_mel_added(request: HttpRequest) -> HttpResponse:
    """Says what is true now: an agent whose method is not active is led to the account page."""
    if strength(request) < Strength.TWO_FACTOR:
        return redirect("account")
    return render(request, "twofactor/otp_mel_added.html", {"next": next_of(request)})


@login_not_required
@sensitive_post_parameters("code")
@code_page
def verify(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, Agent):
        return _without_session(request, next_of(request) or reverse("account"))
    if not active_devices(request.user):
        return continue_to(request, "account")  # whoever asked for it decides anew
    if needs_renewal(request.user):
        return _renew_first(request)
    if request.method != "POST":
        return _show(request, VERIFY, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _show(request, VERIFY, form)
    try:
        outcome, device = verify_act(request, request.user, form.cleaned_data["code"], timezone.now())
    except OtpMelDevice.DoesNotExist:
        return redirect("account")  # removed meanwhile
    except SourceUnavailable:
        return _source_down(request, request.user)
    return _refused(request, VERIFY, form, outcome, device) or continue_to(request, "account")


@sensitive_post_parameters("code")
@code_page
def remove_otp_mel(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, Agent)
    if not active_devices(request.user):
        return redirect("account")
    if needs_renewal(request.user):
        return _renew_first(request)
    if request.method != "POST":
        return _show(request, REMOVE, CodeForm())
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _show(request, REMOVE, form)
    try:
        outcome, device = remove_otp_mel_act(request, request.user, form.cleaned_data["code"], timezone.now())
    except OtpMelDevice.DoesNotExist:
        return redirect("account")  # removed meanwhile
    except SourceUnavailable:
        return _source_down(request, request.user)
    refused = _refused(request, REMOVE, form, outcome, device)
    if not refused:
        messages.success(request, _("La méthode OTP Mél est retirée."))
    return refused or redirect("account")


@login_not_required
@sensitive_post_parameters("code", "password")
@code_page
def renew_otp_mel(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, Agent):
        return _without_session(request, _success_page(request))
    if not needs_renewal(request.user):
        return continue_to(request, "account")
    form = RenewForm(request.POST) if request.method == "POST" else None
    try:
        if form and form.is_valid():
            return _renew(request, request.user, form)
        return _offer_renewal(request, request.user, form or RenewForm())
    except SourceUnavailable:
        return _source_down(request, request.user)
    except NothingToRenew:
        return continue_to(request, "account")


def _offer_renewal(request: HttpRequest, agent: Agent, form: RenewForm) -> HttpResponse:
    state, _seed = source().look_up(agent.uid)
    return _unavailable(request, state) if state is not State.PRESENT else _show(request, RENEW, form)


def _renew(request: HttpRequest, agent: Agent, form: RenewForm) -> HttpResponse:
    given = form.cleaned_data
    result = renew_otp_mel_act(request, agent, given["password"], given["code"], timezone.now())
    if isinstance(result, Refused):
        return _password_refused(request, form, result)
    if isinstance(result, State):
        return _unavailable(request, result)
    return _refused(request, RENEW, form, *result) or SeeOther(_success_page(request))


def _password_refused(request: HttpRequest, form: RenewForm, refused: Refused) -> HttpResponse:
    until = refused.wait_until
    if until is None:
        form.add_error("password", _("Le mot de passe est incorrect."))
        return _show(request, RENEW, form)
    form.add_error(None, times.too_many_tries(until))
    return _show_wait(request, RENEW, form, until)


def _renew_first(request: HttpRequest) -> HttpResponse:
    return SeeOther(_with_next(request, reverse("renew_otp_mel")))


def _without_session(request: HttpRequest, then: str) -> HttpResponse:
    """A code without a session is not evaluated: the login page, or `then` for the second sending of one form."""
    code = clean_code(request.POST.get("code", ""))
    if rejoin_after_double_submit(request, code, timezone.now()):
        return SeeOther(then)
    return redirect_to_login(request.get_full_path())


def _refused(
    request: HttpRequest, template: str, form: CodeForm, outcome: Outcome, device: OtpMelDevice
) -> HttpResponse | None:
    """The page of a refusal, None when the code was good. One text for every refused code."""
    if outcome in (Outcome.GOOD, Outcome.REPEATED):
        return None
    if outcome is Outcome.SECRET_CHANGED:
        return _renew_first(request)
    if outcome is Outcome.TOO_MANY_TRIES:
        return _wait(request, template, form, device)
    form.add_error("code", _(
        "Code incorrect ou déjà utilisé. Attendez le code suivant, "
        "et vérifiez que l’heure de votre téléphone est réglée automatiquement. "
        "Les codes de secours du Bnum et ceux reçus par courriel ne servent pas ici."
    ))  # fmt: skip
    return _show(request, template, form)


def _wait(request: HttpRequest, template: str, form: CodeForm, device: OtpMelDevice) -> HttpResponse:
    if device.is_closed or device.locked_until is None:
        form.add_error(None, _("Trop d’essais. Contactez l’assistance de votre service pour débloquer la méthode."))
        return _show(request, template, form, status=429)
    form.add_error(None, times.too_many_tries(device.locked_until))
    return _show_wait(request, template, form, device.locked_until)


def _show_wait(request: HttpRequest, template: str, form: CodeForm, until: datetime) -> HttpResponse:
    response = _show(request, template, form, status=429)
    response["Retry-After"] = times.retry_after(until, timezone.now())
    return response


def _show(request: HttpRequest, template: str, form: CodeForm, status: int = 200) -> HttpResponse:
    return render(request, template, {"form": form, "next": next_of(request)}, status=status)
