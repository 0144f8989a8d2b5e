"""Proof Key for Code Exchange, S256 only (RFC 7636)."""

import hmac
import re

from cerbere.provider.hashes import hash_s256

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # an S256 challenge is always 43 characters (§4.2)
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")  # §4.1


def is_valid_verifier(challenge: str, verifier: str | None) -> bool:
    """Tell whether the verifier fits the challenge (§4.6); without a challenge there must be no verifier.

    A verifier without a challenge means that an attacker has removed the challenge from the request.
    """
    if not challenge or verifier is None:
        return not challenge and verifier is None
    if not VERIFIER.match(verifier):
        return False
    return hmac.compare_digest(hash_s256(verifier), challenge)
