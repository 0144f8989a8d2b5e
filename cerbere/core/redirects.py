"""Redirects to a page that the request names, inside this site only."""

from functools import lru_cache

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme


class SeeOther(HttpResponseRedirect):
    """A redirect with status 303: the browser follows it with GET, so that no password or code is posted again."""

    status_code = 303


@lru_cache(maxsize=100)  # templates and views of one page check the same URL several times
def keep_local_url(url: str) -> str:
    """Return this URL if it stays inside this site, else an empty string."""
    is_inside = url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)
    return url if is_inside else ""


def get_next_url(request: HttpRequest) -> str:
    """Return the `next` of the form or the query if it stays inside this site, else an empty string."""
    return keep_local_url(request.POST.get("next") or request.GET.get("next") or "")


def redirect_to_next(request: HttpRequest, default: str) -> SeeOther:
    """Return a redirect to `next`, or to the default page without one."""
    return SeeOther(get_next_url(request) or resolve_url(default))
