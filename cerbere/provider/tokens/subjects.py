"""Compute the subject of an agent for a client (OpenID Connect Core §8): public, or one for each sector."""

import hashlib
import hmac

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import Agent
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import encode_base64url


def compute_subject(agent: Agent, client: Client) -> str:
    """Return the agent's uuid or, for a client of a sector, a keyed hash of both (§8.1).

    Raises ImproperlyConfigured when a sector is used without CERBERE_PAIRWISE_SALT.
    """
    if not client.sector:
        return str(agent.uuid)
    if not settings.PAIRWISE_SALT:
        raise ImproperlyConfigured("CERBERE_PAIRWISE_SALT is missing: the sub of a sector cannot be computed")
    message = f"{client.sector}\n{agent.uuid}".encode()
    return encode_base64url(hmac.new(settings.PAIRWISE_SALT.encode(), message, hashlib.sha256).digest())
