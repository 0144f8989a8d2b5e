"""Validate the URLs that an application registers (RFC 9700 §2.1, RFC 6749 §3.1.2)."""

from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from cerbere.env import is_loopback

MAXIMUM_LENGTH = 2000


def validate_web_uri(uri: str) -> None:
    """Check that a URL is https, or http on loopback, without fragment, wildcard, credentials or white space."""
    if not isinstance(uri, str) or not uri.isascii() or not uri.isprintable() or len(uri) > MAXIMUM_LENGTH:
        raise ValidationError("Adresse illisible.")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise ValidationError(f"Adresse illisible : {uri}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(uri)):
        raise ValidationError(f"Adresse en https exigée (http sur la machine elle-même seulement) : {uri}")
    if not parts.hostname or "@" in parts.netloc or set("#* \\") & set(uri):
        raise ValidationError(f"Adresse complète exigée, sans « # », « * », compte ni espace : {uri}")


def validate_redirect_uris(uris: object) -> None:
    if not isinstance(uris, list) or len(set(map(str, uris))) != len(uris):
        raise ValidationError("Une liste d’adresses, sans doublon.")
    for uri in uris:
        validate_web_uri(uri)
