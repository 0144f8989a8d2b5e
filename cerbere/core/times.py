"""The end of a wait, as a time of day for people and in seconds for programs."""

import math
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _


def format_time_of_day(moment: datetime) -> str:
    """Return a text such as « 14 h 32 » in the site's time zone, rounded up to a minute at which the wait is over."""
    local = timezone.localtime(moment)
    if local.second or local.microsecond:
        local = timezone.localtime(datetime.fromtimestamp(math.ceil(moment.timestamp() / 60) * 60, tz=moment.tzinfo))
    return _("%(hour)s h %(minute)s") % {"hour": f"{local:%H}", "minute": f"{local:%M}"}


def format_too_many_tries(until: datetime) -> str:
    """Return the message for an agent who must wait before trying again."""
    return _("Trop d’essais. Réessayez à %(hour)s.") % {"hour": format_time_of_day(until)}


def format_retry_after(until: datetime, now: datetime) -> str:
    """Return the seconds to wait, for the header Retry-After (RFC 9110 §10.2.3)."""
    return str(max(1, math.ceil((until - now).total_seconds())))
