from django.apps import AppConfig


class ProviderConfig(AppConfig):
    name = "cerbere.provider"
    label = "provider"
    verbose_name = "Applications"
