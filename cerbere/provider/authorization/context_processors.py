from typing import Any

from django.http import HttpRequest


def pending(request: HttpRequest) -> dict[str, Any]:
    """Return the authorization request that is parked for this browser, for templates."""
    return {"pending": getattr(request, "pending", None)}
