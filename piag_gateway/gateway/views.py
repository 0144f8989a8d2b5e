"""Views that nginx asks before each request to an application without OpenID Connect (docs/gateway.md)."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from piag_gateway.faults import Fault, TooWeak
from piag_gateway.oidc.sign_in import start_sign_in
from piag_gateway.pages.fault_page import render_fault_page
from piag_gateway.proof import Proof, get_current_proof, is_session_too_weak

# Printable ASCII, which is all that a header carries safely (RFC 9110 §5.5). "%" is encoded too: otherwise a value that
# holds "%41" by itself would be decoded to another one.
HEADER_SAFE_CHARACTERS = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """Return 204 with the agent's headers, 401 without a session, 403 with a session below two factors.

    Each call reads the database twice and writes nothing.
    """
    proof = get_current_proof(request)
    if proof is None:
        return HttpResponse(status=403 if is_session_too_weak(request) else 401)
    return HttpResponse(status=204, headers=_build_agent_headers(request, proof))


def _build_agent_headers(request: HttpRequest, proof: Proof) -> dict[str, str]:
    visitor: Any = request.user  # a Visitor; the type checker's plugin knows Cerbère's user model only
    values = {
        "X-Agent-Sub": visitor.subject,
        "X-Agent-Name": visitor.name,
        "X-Agent-Email": visitor.email,
        "X-Agent-Acr": proof.acr,
    }
    return {name: quote(value, safe=HEADER_SAFE_CHARACTERS) for name, value in values.items()}


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to Cerbère, and after the sign-in to the page that the agent has opened.

    Scripts, forms and WebSockets get 401: they cannot follow the redirect, and each would take the place of one of
    the few sign-ins that a session may have under way.
    """
    if not _is_page_navigation(request):
        return HttpResponse(status=401)
    try:
        return start_sign_in(request, _get_original_uri(request))
    except Fault as fault:
        return render_fault_page(request, fault, _get_original_uri(request))


@require_safe
def refuse(request: HttpRequest) -> HttpResponse:
    """Return the page of refusal for an agent whose session is below two factors."""
    return render_fault_page(request, TooWeak("acr"), _get_original_uri(request))


def _get_original_uri(request: HttpRequest) -> str:
    """Return the URI that the browser has sent to nginx. It is not checked here: start_sign_in does."""
    return request.headers.get("X-Original-URI", "")


def _is_page_navigation(request: HttpRequest) -> bool:
    """Return whether a browser opens a page, by Fetch Metadata (§2.2) or, without it, by the method."""
    is_read = request.headers.get("X-Original-Method") in {"GET", "HEAD"}
    return is_read and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
