"""Other OpenID Providers that anyone can install, each started by one function."""

from collections.abc import Callable

from bench.peers import oauth_toolkit, oidc_provider
from bench.server import Bench, Running

PEERS: dict[str, Callable[[Bench], Running]] = {
    "oidc-provider": oidc_provider.start,
    "django-oauth-toolkit": oauth_toolkit.start,
}
