from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "cerbere.portal"
    label = "portal"

    def ready(self) -> None:
        from cerbere import checks  # noqa: F401 - registers the system checks
