"""Check the settings at the start. Each fault is one line that names the setting."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from accounts.directory.settings_faults import find_directory_faults
from cerbere.env import is_loopback
from cerbere.provider.keys import ring
from twofactor.seeds import sealing
from twofactor.sources.faults import find_source_faults

TAG = "cerbere"
SECRET_KEY_LENGTH = 32  # characters
SECRET_KEY_VARIETY = 5  # different characters: "xxxx…" is not a secret


def find_unsafe_settings() -> Iterator[tuple[str, str]]:
    """Yield the name and the fault of each unsafe setting."""
    if settings.DEBUG:
        yield "CERBERE_DEBUG", "must not be on: error pages would show secrets"
    if not _is_secret(_secret_key()):
        yield "CERBERE_SECRET_KEY", f"is missing, a default, or shorter than {SECRET_KEY_LENGTH} characters"
    if not all(map(_is_secret, settings.SECRET_KEY_FALLBACKS)):
        yield "CERBERE_SECRET_KEY_FALLBACKS", f"holds a default, or a key shorter than {SECRET_KEY_LENGTH} characters"
    if settings.DEMO and not is_loopback(settings.PUBLIC_URL):
        yield "CERBERE_DEMO", "must not be on outside this machine: it shows passwords and codes"
    if not settings.HTTPS and not is_loopback(settings.PUBLIC_URL):
        yield "CERBERE_PUBLIC_URL", "must be https outside this machine"
    yield from find_source_faults()
    if settings.PAIRWISE_SALT and not _is_secret(settings.PAIRWISE_SALT):
        yield "CERBERE_PAIRWISE_SALT", f"is shorter than {SECRET_KEY_LENGTH} characters"
    yield from find_unusable_keys()
    yield from find_directory_faults()


def _secret_key() -> str:
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:  # Django raises this for an empty key
        return ""


def _is_secret(key: str) -> bool:
    enough = len(key) >= SECRET_KEY_LENGTH and len(set(key)) >= SECRET_KEY_VARIETY
    return enough and not key.startswith("django-insecure-")


def find_unusable_keys() -> Iterator[tuple[str, str]]:
    try:
        sealing.parse_keys(settings.SEED_KEYS)
    except ValueError as error:  # SeedKeyError and the errors of base64 are ValueErrors
        yield "CERBERE_SEED_KEYS", f"cannot be used: {error}"
    try:
        ring.parse_signing_keys(settings.SIGNING_KEYS)
    except ring.SigningKeyError as error:
        yield "CERBERE_SIGNING_KEYS", f"cannot be used: {error}"


@register(TAG)
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [Error(f"{name} {fault}", id=f"cerbere.{name}") for name, fault in find_unsafe_settings()]


def stop_if_unsafe() -> None:
    """Raise SystemExit with one line for each unsafe setting, before any request is served."""
    faults = [message for message in run_checks(tags=[TAG]) if message.is_serious()]
    if faults:
        raise SystemExit("\n".join(f"cerbere: {fault.msg}" for fault in faults))
