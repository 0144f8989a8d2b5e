"""Every page of the administration that the provider has, for Django, which looks for them here."""

from cerbere.provider.clients.admin import ClientAdmin
from cerbere.provider.logout.admin import LogoutNoticeAdmin

__all__ = ["ClientAdmin", "LogoutNoticeAdmin"]
