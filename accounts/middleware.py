from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user, middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts.models import Agent
from accounts.sessions.store import session_of


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Django's, with the agent who has been read together with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        look_up_agent_again(request)


def look_up_agent_again(request: HttpRequest) -> None:
    """When somebody asks next: the agent of what the session is by then. From then on without a lazy object between."""

    def found() -> Agent | AnonymousUser:
        request.user = agent_of(request)
        return request.user

    request.user = SimpleLazyObject(found)  # type: ignore[assignment]


def agent_of(request: HttpRequest) -> Agent | AnonymousUser:
    agent: Agent | AnonymousUser = session_of(request).agent or get_user(request)
    return agent


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Django's, asking the view first: a view that needs no agent costs no statement for the session."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
