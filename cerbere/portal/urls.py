from django.urls import path

from accounts.views import change_password, end_session
from cerbere.portal import views
from cerbere.portal.second_factor_first import second_factor_first

urlpatterns = [
    path("", views.home, name="home"),
    path("compte/", views.account, name="account"),
    path("compte/mot-de-passe/", second_factor_first(change_password), name="change_password"),
    path("compte/sessions/<uuid:sid>/terminer/", second_factor_first(end_session), name="end_own_session"),
    path("mot-de-passe-oublie/", views.forgotten_password, name="forgotten_password"),
    path("telephone-perdu/", views.phone_lost, name="phone_lost"),
    path("aide/", views.help_, name="help"),
    path("plan-du-site/", views.site_map, name="site_map"),
    path("accessibilite/", views.accessibility, name="accessibility"),
    path("mentions-legales/", views.legal, name="legal"),
    path("donnees-personnelles/", views.privacy, name="privacy"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
