from django.urls import path

from cerbere.provider import views

urlpatterns = [
    path(".well-known/openid-configuration", views.discovery, name="discovery"),
    path("oidc/jwks", views.jwks, name="jwks"),
    path("oidc/authorize", views.authorize, name="authorize"),
    path("oidc/continuer/<uuid:parked_id>/", views.resume, name="resume"),
    path("oidc/token", views.token, name="token"),
    path("oidc/userinfo", views.userinfo, name="userinfo"),
    path("oidc/revoke", views.revoke, name="revoke"),
    path("oidc/introspect", views.introspect, name="introspect"),
    path("oidc/par", views.push, name="push"),
    path("oidc/logout", views.end_session, name="end_session"),
    path("oidc/logout/confirmer", views.confirm_end_session, name="confirm_end_session"),
]
