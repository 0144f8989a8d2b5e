from django.apps import AppConfig


class PiagConfig(AppConfig):
    name = "piag_gateway"
    verbose_name = "PIAG"

    def ready(self) -> None:
        from piag_gateway import checks  # noqa: F401 - its import registers the checks
