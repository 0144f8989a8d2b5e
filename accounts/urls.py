from django.urls import path

from accounts import views

urlpatterns = [
    path("connexion/", views.sign_in, name="sign_in"),
    path("deconnexion/", views.sign_out, name="sign_out"),
    path("deconnexion/faite/", views.signed_out, name="signed_out"),
]
