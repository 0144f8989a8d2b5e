from django.apps import AppConfig
from django.conf import settings

from cerbere.env import is_loopback, refuse


class DemoConfig(AppConfig):
    name = "cerbere.demo"
    label = "demo"

    def ready(self) -> None:
        """Refuse to start a portal that other machines can reach.

        The demo has an administrator with a known login and a command that prints the codes of agents.
        """
        if not is_loopback(settings.PUBLIC_URL):
            raise refuse("CERBERE_DEMO", "is only for a portal on this machine (CERBERE_PUBLIC_URL)")
