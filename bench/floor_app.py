"""The least that a server can answer: a bare 200, and an empty view behind Django with no middleware."""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

THREADS = 4  # as Cerbère's
StartResponse = Callable[..., Any]


def empty(_: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [path("django", empty)]
settings.configure(ROOT_URLCONF="bench.floor_app", ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY=secrets.token_hex())
django.setup()
_django = WSGIHandler()


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/django":
        return _django(environ, start_response)
    start_response("200 OK", [("Content-Length", "0")])
    return []
