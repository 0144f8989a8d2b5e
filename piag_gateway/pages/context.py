from typing import Any

from django.http import HttpRequest

from piag_gateway.conf import settings
from piag_gateway.proof import get_current_proof


def site(request: HttpRequest) -> dict[str, Any]:
    """Add the site's brand, Cerbère's URL and the proof of the signed-in agent to every template's context."""
    return {
        "site": {"brand": settings.BRAND, "issuer": settings.ISSUER},
        "proof": get_current_proof(request),
    }
