from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from accounts.models import Agent
from accounts.sign_in.validators import MAXIMUM_LENGTH


class SignInForm(forms.Form):
    username = forms.CharField(label=_("Identifiant"), max_length=254)
    password = forms.CharField(label=_("Mot de passe"), max_length=MAXIMUM_LENGTH, strip=False)


class ChangePasswordForm(forms.Form):
    current_password = forms.CharField(label=_("Mot de passe actuel"), max_length=MAXIMUM_LENGTH, strip=False)
    new_password1 = forms.CharField(label=_("Nouveau mot de passe"), max_length=1024, strip=False)
    new_password2 = forms.CharField(label=_("Nouveau mot de passe, encore"), max_length=1024, strip=False)

    def __init__(self, agent: Agent, *args: Any, **kwargs: Any) -> None:
        self.agent = agent
        super().__init__(*args, **kwargs)

    def clean_new_password1(self) -> str:
        new: str = self.cleaned_data["new_password1"]
        validate_password(new, self.agent)
        return new

    def clean_new_password2(self) -> str:
        if self.cleaned_data["new_password2"] != self.cleaned_data.get("new_password1", self.data.get("new_password1")):
            raise forms.ValidationError(_("Les deux saisies du nouveau mot de passe diffèrent."))
        return str(self.cleaned_data["new_password2"])
