"""System checks for settings that must not go into service. Each fault is one line that names the setting."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from cerbere.env import is_loopback
from piag_gateway.conf import settings

TAG = "piag"
SECRET_KEY_LENGTH = 32  # characters at least
SECRET_KEY_VARIETY = 5  # different characters at least: "xxxx…" is long enough and no secret


def find_unsafe_settings() -> Iterator[tuple[str, str]]:
    """Yield the name and the fault of each unsafe setting."""
    if settings.DEBUG:
        yield "PIAG_DEBUG", "must not be on: error pages would show secrets"
    if not _is_secret(_read_secret_key()):
        yield "PIAG_SECRET_KEY", f"is missing, a default, or shorter than {SECRET_KEY_LENGTH} characters"
    if not settings.HTTPS and not is_loopback(settings.PUBLIC_URL):
        yield "PIAG_PUBLIC_URL", "must be https outside this machine"
    if not settings.ISSUER.startswith("https://") and not is_loopback(settings.ISSUER):
        yield "PIAG_OIDC_ISSUER", "must be https outside this machine"
    if not settings.OIDC_RP_CLIENT_ID:
        yield "PIAG_OIDC_CLIENT_ID", "is missing: the name under which Cerbère knows PIAG"
    if not settings.OIDC_RP_CLIENT_SECRET:
        yield "PIAG_OIDC_CLIENT_SECRET", "is missing: register_client of Cerbère prints it once"
    if not settings.ACCEPTED_ACR:
        yield "PIAG_ACR", "is empty: nobody could enter"


def _read_secret_key() -> str:
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:  # Django raises it for an empty key
        return ""


def _is_secret(key: str) -> bool:
    is_random_enough = len(key) >= SECRET_KEY_LENGTH and len(set(key)) >= SECRET_KEY_VARIETY
    return is_random_enough and not key.startswith("django-insecure-")


@register(TAG)
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [Error(f"{name} {fault}", id=f"piag.{name}") for name, fault in find_unsafe_settings()]


def stop_if_unsafe() -> None:
    """Raise SystemExit with one line for each unsafe setting, before any request is served."""
    errors = [message for message in run_checks(tags=[TAG]) if message.is_serious()]
    if errors:
        raise SystemExit("\n".join(f"piag: {error.msg}" for error in errors))
