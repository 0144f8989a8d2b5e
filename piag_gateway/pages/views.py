from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from piag_gateway.oidc.sign_in import DESTINATION, begin
from piag_gateway.oidc.sign_out import comes_from_sign_out
from piag_gateway.oidc.sign_out import sign_out as end_session
from piag_gateway.proof import Proof, current_proof, two_factors_required

METHODS = {"pwd": "mot de passe", "otp": "code à usage unique", "mfa": "plusieurs facteurs"}  # RFC 8176 §2


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    signed_out = comes_from_sign_out(request.GET.get("state", ""))
    return render(request, "piag/home.html", {"destination": DESTINATION, "signed_out": signed_out})


@require_safe
@two_factors_required(begin)
def assistant(request: HttpRequest, proof: Proof) -> HttpResponse:
    methods = [(name, METHODS.get(name, "")) for name in proof.amr]
    return render(request, "piag/assistant.html", {"methods": methods})


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Only a form of ours starts a sign-in; whoever opens this address is shown the page that holds it."""
    if request.method != "POST":
        return redirect("home")
    return begin(request, request.POST.get("next", ""))


@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    proof = current_proof(request)
    if proof is None:
        return redirect("home")
    if request.method != "POST":
        return render(request, "piag/sign_out.html")
    address = end_session(request, proof)
    return redirect(address) if address else render(request, "piag/signed_out_here.html")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The program answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The program reaches its database; a 503 page otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
