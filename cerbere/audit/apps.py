from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "cerbere.audit"
    label = "audit"
    verbose_name = "Journal"
