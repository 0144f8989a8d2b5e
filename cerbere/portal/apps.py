from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "cerbere.portal"
    label = "portal"
