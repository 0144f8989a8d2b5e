from django.apps import AppConfig


class ProviderConfig(AppConfig):
    name = "cerbere.provider"
    label = "provider"
    verbose_name = "Applications"

    def ready(self) -> None:
        from cerbere.provider.logout import back_channel  # noqa: F401 - connects its signal receivers
