"""The URLs of Cerbère, gathered from those of each package."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.views.generic import RedirectView
from django.views.i18n import set_language

import accounts.urls
import cerbere.portal.urls
import cerbere.provider.urls
import twofactor.urls

urlpatterns = [
    *accounts.urls.urlpatterns,
    *twofactor.urls.urlpatterns,
    *cerbere.provider.urls.urlpatterns,
    *cerbere.portal.urls.urlpatterns,
    path("langue/", login_not_required(set_language), name="set_language"),
    path(".well-known/change-password", RedirectView.as_view(pattern_name="change_password")),
    path("admin/", admin.site.urls),
]

handler400 = "cerbere.portal.errors.bad_request"
handler403 = "cerbere.portal.errors.forbidden"
handler404 = "cerbere.portal.errors.not_found"
handler500 = "cerbere.portal.errors.server_error"
