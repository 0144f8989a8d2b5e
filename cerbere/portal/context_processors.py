from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(_: HttpRequest) -> dict[str, Any]:
    """Return the names and contacts of the organisation that runs this portal, for every page."""
    return {
        "site": {
            "brand": settings.BRAND,
            "support_contact": settings.SUPPORT_CONTACT,
            "accessibility_state": settings.ACCESSIBILITY_STATE,
            "demo": settings.DEMO,
        }
    }
