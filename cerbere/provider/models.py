"""The provider's models, gathered in the module where Django looks for them. Other modules import from the rooms."""

from cerbere.provider.authorization.models import ParkedRequest, PushedRequest
from cerbere.provider.clients.models import Client, UsedAssertion
from cerbere.provider.logout.models import LogoutNotice
from cerbere.provider.tokens.models import Grant

__all__ = ["Client", "Grant", "LogoutNotice", "ParkedRequest", "PushedRequest", "UsedAssertion"]
