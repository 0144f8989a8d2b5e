"""Other OpenID Providers, each with one module here: `install`, `is_installed` and `start`."""

from bench.peers import hydra, keycloak, lemonldap_ng, oauth_toolkit, oidc_provider

PEERS = {
    "keycloak": keycloak, "hydra": hydra, "lemonldap-ng": lemonldap_ng, "oidc-provider": oidc_provider,
    "django-oauth-toolkit": oauth_toolkit,
}  # fmt: skip


def installed_names() -> list[str]:
    return [name for name, module in PEERS.items() if module.is_installed()]
