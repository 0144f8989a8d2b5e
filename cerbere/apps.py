from django.contrib.admin.apps import AdminConfig


class CerbereAdminConfig(AdminConfig):
    """Django admin behind two factors."""

    default_site = "cerbere.portal.admin_site.TwoFactorAdminSite"
