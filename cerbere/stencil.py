"""Pages that differ between readers in a few texts only: rendered once with gaps, which are filled for each reader.

To render such a page anew took most of the time of its answer. A stencil is rendered from marks, one for each text,
and without the request, so nothing of its first reader can be kept and shown to somebody else. What decides on more
than a text (the language, who runs the portal, whether somebody is signed in) makes another stencil.
"""

import re
import secrets
from functools import cache
from html import escape
from typing import Any

from django.contrib.messages import get_messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render as render_anew
from django.template import TemplateSyntaxError
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils.translation import get_language

from cerbere.portal.context_processors import site

Flags = tuple[tuple[str, Any], ...]


def render(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """As `django.shortcuts.render`, quicker for an empty form, given as its class, while no message waits.

    `context` has the form, of a class that needs no argument, and else texts and booleans: a text is only shown, and
    by no filter, or asked whether it is empty.
    """
    form: BaseForm | type[BaseForm] = context["form"]
    if not isinstance(form, type) or len(get_messages(request)) or get_script_prefix() != "/":
        shown = form() if isinstance(form, type) else form
        return render_anew(request, template, context | {"form": shown}, status=status)
    said = _frame(request) | {name: value for name, value in context.items() if name != "form"}
    assert {type(value) for value in said.values()} <= {str, bool, type(None)}
    texts = {name: escape(value) for name, value in said.items() if value and isinstance(value, str)}
    flags = *((name, value is True or "") for name, value in said.items() if name not in texts), *_site(request)
    page, gaps = _stencil(template, form, get_language(), flags, tuple(texts))  # type: ignore[arg-type]
    return HttpResponse(page % tuple([texts[name] for name in gaps]), status=status)


def _frame(request: HttpRequest) -> dict[str, Any]:
    """What the frame of each page tells of the request, by the names that templates use."""
    user, pending = request.user, request.pending  # type: ignore[attr-defined]
    known = user.is_authenticated
    return {
        "csrf_token": get_token(request), "request.get_full_path": request.get_full_path(),
        "user.is_authenticated": known, "user.get_full_name": known and user.get_full_name(),  # type: ignore[union-attr]
        "user.uid": known and user.uid,  # type: ignore[union-attr]
        **({f"pending.{name}": getattr(pending, name) for name in pending.SHOWN} if pending else {"pending": None}),
    }  # fmt: skip


def _site(request: HttpRequest) -> Flags:
    return tuple((f"site.{name}", value) for name, value in site(request)["site"].items())


class _Said(dict[str, Any]):
    """Writes down what else it is asked for: Django would show nothing, and no reader would see what is theirs."""

    def __init__(self, missed: set[str]) -> None:
        self.missed = missed

    def __missing__(self, name: str) -> None:
        self.missed.add(name)


@cache  # as many as there are pages, languages and flags
def _stencil(
    template: str, form: type[BaseForm], _language: str, flags: Flags, texts: tuple[str, ...]
) -> tuple[str, tuple[str, ...]]:
    """The page with `%s` for each gap, and which text each gap shows."""
    marks = {f"gap{secrets.token_hex(8)}": name for name in texts}  # of letters and digits: shown as they are
    context: dict[str, Any] = {"form": form(), "messages": ()}
    missed: set[str] = set()
    for name, value in (*flags, *((name, mark) for mark, name in marks.items())):
        outer, _, inner = name.partition(".")
        told, key = (context.setdefault(outer, _Said(missed)), inner) if inner else (context, outer)
        told[key] = value
    page = get_template(template).render(context).replace("%", "%%")
    if missed:
        raise TemplateSyntaxError(f"{template} asks for {', '.join(sorted(missed))}, which a stencil is not told")
    any_mark = "|".join(marks)
    return re.sub(any_mark, "%s", page), tuple(marks[mark] for mark in re.findall(any_mark, page))
