"""Where a page may send the agent next: only inside this site."""

from functools import lru_cache

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


class SeeOther(HttpResponseRedirect):
    """303: the next request is a GET whatever this one was; a password or a code is never posted again."""

    status_code = 303


@lru_cache(maxsize=100)  # a page asks several times
def inside(target: str) -> str:
    """This address if it stays inside this site, else nothing."""
    stays = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if stays else ""


def next_of(request: HttpRequest) -> str:
    """The `next` of the query or the form if it stays inside this site, else nothing."""
    return inside(request.POST.get("next") or request.GET.get("next") or "")


def continue_to(request: HttpRequest, default: str) -> SeeOther:
    return SeeOther(next_of(request) or resolve_url(default))
