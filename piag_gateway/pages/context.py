from typing import Any

from django.http import HttpRequest

from piag_gateway.conf import settings
from piag_gateway.proof import current_proof


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page needs: whose site it is, where Cerbère is, and who is connected, if anybody."""
    return {
        "site": {"brand": settings.BRAND, "issuer": settings.ISSUER},
        "proof": current_proof(request),
    }
