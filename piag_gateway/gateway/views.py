"""PIAG as the gate of applications that know no OpenID Connect: what nginx asks for them (docs/gateway.md)."""

from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from piag_gateway.faults import Fault, TooWeak
from piag_gateway.oidc.sign_in import begin
from piag_gateway.pages.fault_page import fault_page
from piag_gateway.proof import Proof, current_proof, is_too_weak

# Printable ASCII but "%": headers carry no more (RFC 9110 §5.5), and what is decoded must be what was encoded.
LEGIBLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """204 with who the agent is; 401 for nobody, 403 below two factors. Two readings of the database, no writing."""
    proof = current_proof(request)
    if proof is None:
        return HttpResponse(status=403 if is_too_weak(request) else 401)
    return HttpResponse(status=204, headers=_agent(request, proof))


def _agent(request: HttpRequest, proof: Proof) -> dict[str, str]:
    visitor: Any = request.user  # a Visitor: the type checker's plugin knows Cerbère's agents only
    facts = {
        "X-Agent-Sub": visitor.subject,
        "X-Agent-Name": visitor.name,
        "X-Agent-Email": visitor.email,
        "X-Agent-Acr": proof.acr,
    }
    return {name: quote(value, safe=LEGIBLE) for name, value in facts.items()}


@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Off to Cerbère, and from there back to the page that the agent has opened.

    401 for what is no page: scripts, forms and WebSockets cannot follow, and each would use up a sign-in under way.
    """
    if not _opens_a_page(request):
        return HttpResponse(status=401)
    try:
        return begin(request, _original(request))
    except Fault as fault:
        return fault_page(request, fault, _original(request))


@require_safe
def refuse(request: HttpRequest) -> HttpResponse:
    """The page for an agent whose session no longer suffices."""
    return fault_page(request, TooWeak("acr"), _original(request))


def _original(request: HttpRequest) -> str:
    """What nginx was asked for, as it came: `begin` looks whether it is a page of this site."""
    return request.headers.get("X-Original-URI", "")


def _opens_a_page(request: HttpRequest) -> bool:
    """Whether a browser goes there, by what it says itself (Fetch Metadata §2.2) or else by the method."""
    reads = request.headers.get("X-Original-Method") in {"GET", "HEAD"}
    return reads and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
