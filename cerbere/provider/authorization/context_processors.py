from typing import Any

from django.http import HttpRequest


def pending(request: HttpRequest) -> dict[str, Any]:
    """The authorization request that waits in this browser, for templates."""
    return {"pending": getattr(request, "pending", None)}
