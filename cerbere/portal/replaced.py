"""What Cerbère puts in the place of Django's own, where Django has no setting for it: it is met a hundred times a page.

These names are private in Django: when a new version does without one, tests/portal/test_replaced.py says so.
"""

import secrets
from threading import local

from django.conf import LazySettings
from django.db import connections
from django.middleware import csrf
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH
from django.urls import base
from django.utils.translation import trans_real

BASE = len(CSRF_ALLOWED_CHARS)
PLACES = [BASE**place for place in range(CSRF_SECRET_LENGTH)]
STRINGS = BASE**CSRF_SECRET_LENGTH


def replace() -> None:
    csrf._get_new_csrf_string = new_string
    # A lazy object looks at each value for a method that stands for one of the object behind it: settings have none.
    LazySettings.__getattribute__ = object.__getattribute__  # type: ignore[method-assign]
    # One for each thread, where Django's are also for each task of an event loop: none runs here.
    trans_real._active, base._prefixes, base._urlconfs = local(), local(), local()  # type: ignore[attr-defined]
    connections._connections = local()  # type: ignore[attr-defined]


def new_string() -> str:
    """Each string of CSRF_SECRET_LENGTH letters and digits is as likely as any other. Django draws each character."""
    return written(secrets.randbelow(STRINGS))


def written(number: int) -> str:
    """A number below STRINGS in the digits CSRF_ALLOWED_CHARS, the units first: one string for each."""
    return "".join([CSRF_ALLOWED_CHARS[number // place % BASE] for place in PLACES])
