from django.urls import path

from twofactor.otp_mel import views

urlpatterns = [
    path("verification/", views.verify, name="verify"),
    path("compte/deux-facteurs/ajouter/", views.choose_method, name="choose_method"),
    path("compte/deux-facteurs/otp-mel/", views.add_otp_mel, name="add_otp_mel"),
    path("compte/deux-facteurs/otp-mel/active/", views.otp_mel_added, name="otp_mel_added"),
    path("compte/deux-facteurs/otp-mel/confirmer/", views.renew_otp_mel, name="renew_otp_mel"),
    path("compte/deux-facteurs/otp-mel/retirer/", views.remove_otp_mel, name="remove_otp_mel"),
]
