"""The environment that an operator gives to Cerbère."""

import os

GOOD_NAMES = ("CERBERE_SECRET_KEY", "CERBERE_SEED_KEYS", "CERBERE_SIGNING_KEYS")


def get_minimal_environment():
    """Return the least that an operator must give."""
    good = {name: os.environ[name] for name in GOOD_NAMES}
    return good | {"CERBERE_PUBLIC_URL": "https://cerbere.example.fr", "CERBERE_MELOTP_SOURCE": "imported"}
