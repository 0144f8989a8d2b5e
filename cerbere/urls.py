"""Every address of Cerbère; each package lists its own."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

urlpatterns = [
    path("", include("accounts.urls")),  # first the pages of a login: machines are answered by portal/direct.py
    path("", include("twofactor.urls")),
    path("", include("cerbere.provider.urls")),
    path("", include("cerbere.portal.urls")),
    path("langue/", login_not_required(set_language), name="set_language"),
    path(".well-known/change-password", RedirectView.as_view(pattern_name="change_password")),
    path("admin/", admin.site.urls),
]

handler400 = "cerbere.portal.errors.bad_request"
handler403 = "cerbere.portal.errors.forbidden"
handler404 = "cerbere.portal.errors.not_found"
handler500 = "cerbere.portal.errors.server_error"
