"""Other OpenID Providers that anyone can install, each started by one function of its module."""

from collections.abc import Callable

from bench.peers import lemonldap_ng, oauth_toolkit, oidc_provider
from bench.server import Bench, Running

MODULES = {
    "oidc-provider": oidc_provider, "django-oauth-toolkit": oauth_toolkit, "lemonldap-ng": lemonldap_ng
}  # fmt: skip
PEERS: dict[str, Callable[[Bench], Running]] = {name: module.start for name, module in MODULES.items()}


def installed() -> list[str]:
    return [name for name, module in MODULES.items() if module.is_installed()]
