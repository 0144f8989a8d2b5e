"""How a wait is said: the hour for people, the seconds for programs."""

import math
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _


def hour(moment: datetime) -> str:
    """14 h 32, in the ministry's time zone, rounded up so that trying at that minute works."""
    local = timezone.localtime(moment)
    if local.second or local.microsecond:
        local = timezone.localtime(datetime.fromtimestamp(math.ceil(moment.timestamp() / 60) * 60, tz=moment.tzinfo))
    return _("%(hour)s h %(minute)s") % {"hour": f"{local:%H}", "minute": f"{local:%M}"}


def too_many_tries(until: datetime) -> str:
    return _("Trop d’essais. Réessayez à %(hour)s.") % {"hour": hour(until)}


def retry_after(until: datetime, now: datetime) -> str:
    """Seconds, for the Retry-After header (RFC 9110 §10.2.3)."""
    return str(max(1, math.ceil((until - now).total_seconds())))
