"""Validate the public keys that an application registers (private_key_jwt)."""

from typing import Any

from django.core.exceptions import ValidationError
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey


def validate_public_keys(jwks: Any) -> None:
    """Check that this is a JWK set (RFC 7517 §5) of public RSA or EC keys; private keys are refused."""
    try:
        keys = KeySet.import_key_set(jwks).keys
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValidationError("Un jeu de clés JWK est attendu, avec sa liste « keys ».") from error
    if not keys or not all(isinstance(key, RSAKey | ECKey) and not key.is_private for key in keys):
        raise ValidationError("Des clés publiques RSA ou EC sont attendues, aucune clé privée.")
