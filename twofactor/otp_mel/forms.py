from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.sign_in.validators import MAXIMUM_LENGTH
from twofactor.codes import clean_code


class CodeForm(forms.Form):
    """A form for six ASCII digits; white space is ignored."""

    code = forms.CharField(
        label=_("Code à 6 chiffres"), max_length=32, strip=False,
        error_messages={"required": _("Saisissez le code à 6 chiffres.")},
    )  # fmt: skip

    def clean_code(self) -> str:
        code = clean_code(self.cleaned_data["code"])
        if code is None:
            raise forms.ValidationError(_("Le code doit comporter 6 chiffres."))
        return code


class RenewForm(CodeForm):
    password = forms.CharField(label=_("Mot de passe"), max_length=MAXIMUM_LENGTH, strip=False)
