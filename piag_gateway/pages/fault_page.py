"""Answers that say what went wrong: in French to the agent, with a reference that the log finds."""

from contextvars import ContextVar

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from piag_gateway.faults import Fault

request_id: ContextVar[str] = ContextVar("request_id", default="")

log = structlog.stdlib.get_logger("piag.sign_in")


def fault_page(request: HttpRequest, fault: Fault, destination: str) -> HttpResponse:
    log.warning("sign_in.refused", fault=type(fault).__name__, reason=fault.reason)
    context = {"destination": destination, **reference()}
    response = render(request, fault.template, context, status=fault.status)
    if fault.retry_after:
        response["Retry-After"] = str(fault.retry_after)
    return response


def reference() -> dict[str, object]:
    """The beginning of the request's id, in a form that can be read out (7F3A-21C9), and the time."""
    current = request_id.get()
    return {"reference": f"{current[:4]}-{current[4:8]}".upper(), "at": timezone.localtime()}
