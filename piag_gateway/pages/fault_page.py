"""The page that tells the agent why a sign-in has failed, with a reference that support finds in the log."""

from contextvars import ContextVar

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from piag_gateway.faults import Fault

request_id: ContextVar[str] = ContextVar("request_id", default="")

log = structlog.stdlib.get_logger("piag.sign_in")


def render_fault_page(request: HttpRequest, fault: Fault, destination: str) -> HttpResponse:
    log.warning("sign_in.refused", fault=type(fault).__name__, reason=fault.reason)
    context = {"destination": destination, **build_reference()}
    response = render(request, fault.template, context, status=fault.status)
    if fault.retry_after:
        response["Retry-After"] = str(fault.retry_after)
    return response


def build_reference() -> dict[str, object]:
    """Return the template context of the reference: the start of the request id, such as 7F3A-21C9, and the time."""
    current = request_id.get()
    return {"reference": f"{current[:4]}-{current[4:8]}".upper(), "at": timezone.localtime()}
