"""Other OpenID Providers, each with one module here: `install`, `is_installed` and `start`."""

from bench.peers import lemonldap_ng, oauth_toolkit, oidc_provider

PEERS = {
    "lemonldap-ng": lemonldap_ng, "oidc-provider": oidc_provider,
    "django-oauth-toolkit": oauth_toolkit,
}  # fmt: skip


def installed_names() -> list[str]:
    return [name for name, module in PEERS.items() if module.is_installed()]
