"""The ministry's directory of people, where there is one: it keeps their passwords and identifies them.

Nothing here is used, nor is an LDAP library imported, while settings.DIRECTORY names nothing.
"""

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.directory.entries import Directory, DirectoryUnavailable, Entry

__all__ = ["Directory", "DirectoryUnavailable", "Entry", "get_directory"]


def get_directory() -> Directory:
    """Return the directory that settings.DIRECTORY names."""
    directory: Directory = import_string(settings.DIRECTORY)()
    return directory
