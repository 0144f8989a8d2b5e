"""The ministry's directory of people, where there is one: it keeps their passwords and says who they are.

Nothing here is used, nor is an LDAP library imported, while settings.DIRECTORY names nothing.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.directory.entries import Directory, DirectoryUnavailable, Entry

__all__ = ["Directory", "DirectoryUnavailable", "Entry", "directory"]


def directory() -> Directory:
    """The one that settings.DIRECTORY names."""
    active: Directory = import_string(settings.DIRECTORY)()
    return active
