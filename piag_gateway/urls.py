from django.urls import path

from piag_gateway.gateway import views as gateway
from piag_gateway.oidc.backchannel_logout import backchannel_logout
from piag_gateway.oidc.callback import SignInCallbackView
from piag_gateway.pages import views

urlpatterns = [
    path("", views.home, name="home"),
    path("assistant/", views.assistant, name="assistant"),
    path("oidc/connexion/", views.sign_in, name="sign_in"),
    path("oidc/callback/", SignInCallbackView.as_view(), name="sign_in_callback"),
    path("oidc/backchannel-logout/", backchannel_logout, name="backchannel_logout"),
    path("gateway/verify", gateway.verify, name="gateway_verify"),
    path("gateway/connexion", gateway.sign_in, name="gateway_sign_in"),
    path("gateway/refus", gateway.refuse, name="gateway_refuse"),
    path("deconnexion/", views.sign_out, name="sign_out"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

handler400 = "piag_gateway.pages.errors.bad_request"
handler403 = "piag_gateway.pages.errors.forbidden"
handler404 = "piag_gateway.pages.errors.not_found"
handler500 = "piag_gateway.pages.errors.server_error"
