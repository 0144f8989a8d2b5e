"""The provider's pages of the administration, gathered in the module where Django looks for them."""

from cerbere.provider.clients.admin import ClientAdmin
from cerbere.provider.logout.admin import LogoutNoticeAdmin

__all__ = ["ClientAdmin", "LogoutNoticeAdmin"]
