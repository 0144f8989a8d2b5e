import uuid

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import ChangePasswordForm, SignInForm
from accounts.models import Agent, AgentSession
from accounts.refusals import PasswordRefusal, Reason
from accounts.sessions.store import get_session
from accounts.sign_in import known_browser
from accounts.sign_in.change_password import change_password as change_password_act
from accounts.sign_in.sign_in import sign_in as sign_in_act
from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.core import times
from cerbere.core.redirects import SeeOther, get_next_url, redirect_to_next


@login_not_required
@sensitive_post_parameters("username", "password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        hint = request.GET.get("login_hint", "")[:254]
        return _show_sign_in(request, SignInForm(initial={"username": hint}))
    _reject_nul(request)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _show_sign_in(request, form)
    now = timezone.now()
    result = sign_in_act(request, form.cleaned_data["username"], form.cleaned_data["password"], now)
    if isinstance(result, PasswordRefusal) and result.reason is Reason.PASSWORD_TO_CHANGE:
        return _show_where_to_change(request, "accounts/password_to_change.html", status=403)
    if isinstance(result, PasswordRefusal):
        return _show_refusal(request, form, result, _("L’identifiant ou le mot de passe est incorrect."))
    response = redirect_to_next(request, settings.LOGIN_REDIRECT_URL)
    known_browser.remember_browser(request, response, result)
    return response


def _reject_nul(request: HttpRequest) -> None:
    """Raise BadRequest (400) for a NUL character: no keyboard types one, and PostgreSQL cannot store it."""
    if any("\0" in value for _name, values in request.POST.lists() for value in values):
        raise BadRequest("a NUL character in a form")


def _show_sign_in(request: HttpRequest, form: SignInForm, status: int = 200) -> HttpResponse:
    expired = request.method != "POST" and get_session(request).has_ended
    context = {"form": form, "next": get_next_url(request), "session_expired": expired}
    return render(request, "accounts/sign_in.html", context, status=status)


def _show_refusal(
    request: HttpRequest, form: SignInForm | ChangePasswordForm, refusal: PasswordRefusal, message: str
) -> HttpResponse:
    """Show the form again with one message for every reason, or with the end of the wait (429, Retry-After)."""
    until = refusal.wait_until
    form.add_error(None, times.format_too_many_tries(until) if until else message)
    show = _show_sign_in if isinstance(form, SignInForm) else _show_change_password
    response = show(request, form, status=429 if until else 200)  # type: ignore[arg-type]
    if until:
        response["Retry-After"] = times.format_retry_after(until, timezone.now())
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out on POST; a GET only asks, so that an image on another site cannot sign an agent out."""
    if not isinstance(request.user, Agent):
        return SeeOther(get_next_url(request) or reverse("signed_out"))
    if request.method != "POST":
        return render(request, "accounts/sign_out.html", {"next": get_next_url(request)})
    record(Event.SIGN_OUT, request.user)
    logout(request)
    return SeeOther(get_next_url(request) or reverse("signed_out"))


@login_not_required
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/signed_out.html")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    agent = request.user
    assert isinstance(agent, Agent)
    if agent.directory_id:
        return _show_where_to_change(request, "accounts/password_elsewhere.html")
    if request.method != "POST":
        return _show_change_password(request, ChangePasswordForm(agent))
    _reject_nul(request)
    form = ChangePasswordForm(agent, request.POST)
    if not form.is_valid():
        return _show_change_password(request, form)
    values = form.cleaned_data
    refusal = change_password_act(request, agent, values["current_password"], values["new_password1"], timezone.now())
    if refusal:
        return _show_refusal(request, form, refusal, _("Le mot de passe actuel est incorrect."))
    messages.success(request, _("Votre mot de passe a été changé. Vos autres sessions sont fermées."))
    response = SeeOther(reverse("account"))
    known_browser.remember_browser(request, response, agent)
    return response


def _show_where_to_change(request: HttpRequest, template: str, status: int = 200) -> HttpResponse:
    """Show where the agent changes a password that the directory keeps."""
    return render(request, template, {"password_url": settings.LDAP_PASSWORD_URL}, status=status)


def _show_change_password(request: HttpRequest, form: ChangePasswordForm, status: int = 200) -> HttpResponse:
    return render(request, "accounts/change_password.html", {"form": form}, status=status)


@require_POST
def end_session(request: HttpRequest, sid: uuid.UUID) -> HttpResponse:
    """End one of the agent's sessions; for the session of this request, sign out."""
    session = get_object_or_404(AgentSession, sid=sid, agent=request.user)
    if session.sid == get_session(request).sid:
        return sign_out(request)
    assert isinstance(request.user, Agent)
    session.delete()
    record(Event.SESSION_ENDED, request.user, by="agent")
    messages.success(request, _("La session est terminée."))
    return redirect("account")
