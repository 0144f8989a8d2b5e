from django.urls import path

from piag_gateway import gateway, views
from piag_gateway.backchannel_logout import backchannel_logout
from piag_gateway.callback import SignInCallbackView

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

handler400 = "piag_gateway.errors.bad_request"
handler403 = "piag_gateway.errors.forbidden"
handler404 = "piag_gateway.errors.not_found"
handler500 = "piag_gateway.errors.server_error"
