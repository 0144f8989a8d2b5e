import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

CONTEXT_WORDS = (
    "cerbere", "bnum", "piag", "ministere", "courrielleur", "motdepasse", "password",
    "azertyuiop", "azerty", "bonjour", "printemps", "automne",  # common in France, absent from Django's list
)  # fmt: skip
MAXIMUM_LENGTH = 256  # characters; longer ones only cost time


def fold_password(password: str) -> str:
    """Return the password in lower case without accents and separators: « Cerbère-2026 » gives "cerbere2026"."""
    decomposed = unicodedata.normalize("NFKD", password.casefold())
    return "".join(c for c in decomposed if c.isalnum())


class ContextWordValidator:
    """A validator that refuses a password made mostly of words that an attacker of this portal would try first."""

    def validate(self, password: str, user: object = None) -> None:
        left = fold_password(password)
        for word in CONTEXT_WORDS:
            left = left.replace(word, "")
        if len(left) < min(8, len(fold_password(password))):
            raise ValidationError(_("Ce mot de passe repose sur un mot trop attendu ici."), code="context_word")

    def get_help_text(self) -> str:
        return _("N’utilisez pas le nom du portail, du ministère ou de ses services.")


class MaximumLengthValidator:
    def validate(self, password: str, user: object = None) -> None:
        if len(password) > MAXIMUM_LENGTH:
            raise ValidationError(_("Ce mot de passe est trop long (256 caractères au plus)."), code="too_long")

    def get_help_text(self) -> str:
        return ""
