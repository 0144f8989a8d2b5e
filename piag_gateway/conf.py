"""PIAG's settings for the type checker.

They are typed as Any because the plugin of django-stubs can know one project's settings only, and that is Cerbère's.
"""

from typing import Any

from django.conf import settings as django_settings

settings: Any = django_settings
