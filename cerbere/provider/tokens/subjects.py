"""Who an agent is for a client (OpenID Connect Core §8): one `sub` everywhere, or one a sector."""

import hashlib
import hmac

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import Agent
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import b64url


def subject(agent: Agent, client: Client) -> str:
    """The directory's uuid, or for a client of a sector what nobody can compute from it without the salt (§8.1)."""
    if not client.sector:
        return str(agent.uuid)
    if not settings.PAIRWISE_SALT:
        raise ImproperlyConfigured("CERBERE_PAIRWISE_SALT is missing: the sub of a sector cannot be computed")
    told = f"{client.sector}\n{agent.uuid}".encode()
    return b64url(hmac.new(settings.PAIRWISE_SALT.encode(), told, hashlib.sha256).digest())
