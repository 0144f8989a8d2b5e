"""PIAG's own pages and the probes of its health."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from piag_gateway.oidc.sign_in import DEFAULT_DESTINATION, start_sign_in
from piag_gateway.oidc.sign_out import end_session, is_sign_out_state
from piag_gateway.proof import Proof, get_current_proof, two_factors_required

METHOD_LABELS = {"pwd": "mot de passe", "otp": "code à usage unique", "mfa": "plusieurs facteurs"}  # RFC 8176 §2


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    signed_out = is_sign_out_state(request.GET.get("state", ""))
    return render(request, "piag/home.html", {"destination": DEFAULT_DESTINATION, "signed_out": signed_out})


@require_safe
@two_factors_required(start_sign_in)
def assistant(request: HttpRequest, proof: Proof) -> HttpResponse:
    methods = [(name, METHOD_LABELS.get(name, "")) for name in proof.amr]
    return render(request, "piag/assistant.html", {"methods": methods})


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Start a sign-in. Only PIAG's own form can: a GET is redirected to the home page, which has the form."""
    if request.method != "POST":
        return redirect("home")
    return start_sign_in(request, request.POST.get("next", ""))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    proof = get_current_proof(request)
    if proof is None:
        return redirect("home")
    if request.method != "POST":
        return render(request, "piag/sign_out.html")
    url = end_session(request, proof)
    return redirect(url) if url else render(request, "piag/signed_out_here.html")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Return 200 while the process can answer requests."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Return 200 when the database responds; otherwise the error view returns 503."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
