"""PIAG's settings. Typed as anything: the type checker's Django plugin knows one project's settings, Cerbère's."""

from typing import Any

from django.conf import settings as _settings

settings: Any = _settings
