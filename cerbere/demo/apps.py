from django.apps import AppConfig
from django.conf import settings

from cerbere.env import is_loopback, refuse


class DemoConfig(AppConfig):
    name = "cerbere.demo"
    label = "demo"

    def ready(self) -> None:
        """A real portal must never get the demo's administrator, nor a command that prints its agents' codes."""
        if not is_loopback(settings.PUBLIC_URL):
            raise refuse("CERBERE_DEMO", "is only for a portal on this machine (CERBERE_PUBLIC_URL)")
