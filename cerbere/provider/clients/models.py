"""Applications that may ask agents to authenticate, and the assertions that they have used."""

from __future__ import annotations

import hmac
import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from cerbere.provider.claims import CLAIMS
from cerbere.provider.clients.public_keys import validate_public_keys
from cerbere.provider.clients.redirect_uris import validate_redirect_uris, validate_web_uri
from cerbere.provider.hashes import digest, make_secret
from cerbere.provider.keys import signing
from twofactor.strength import Strength

ACR = re.compile(r"[\x21-\x7e]+")  # no space, which separates the items of `acr_values`


class Level(models.IntegerChoices):
    PASSWORD = Strength.PASSWORD, "mot de passe"
    TWO_FACTOR = Strength.TWO_FACTOR, "deux facteurs"


class Client(models.Model):
    """An application that may ask agents to authenticate (an OpenID Connect relying party)."""

    client_id = models.SlugField("identifiant", max_length=100, unique=True)
    name = models.CharField("nom montré aux agents", max_length=100)
    enabled = models.BooleanField("active", default=True)
    secret_digest = models.CharField(max_length=64, editable=False)
    redirect_uris = models.JSONField("adresses de retour", default=list, validators=[validate_redirect_uris])
    post_logout_redirect_uris = models.JSONField(
        "adresses après déconnexion", default=list, blank=True, validators=[validate_redirect_uris]
    )
    home_uri = models.CharField(
        "adresse d’accueil (vide : pas sur l’accueil)", max_length=300, blank=True, validators=[validate_web_uri]
    )
    backchannel_logout_uri = models.CharField(
        "adresse de déconnexion", max_length=300, blank=True, validators=[validate_web_uri]
    )
    minimum = models.IntegerField("niveau minimal", choices=Level.choices, default=Level.PASSWORD)
    pkce_required = models.BooleanField("PKCE obligatoire", default=True)
    id_token_alg = models.CharField(
        "signature", max_length=5, default="RS256", choices=[("RS256", "RS256"), ("ES256", "ES256")]
    )
    acr_password = models.CharField("acr du mot de passe", max_length=100, default="eidas1")
    acr_two_factor = models.CharField("acr des deux facteurs", max_length=100, default="eidas2")
    claims = models.JSONField("données permises (vide : toutes)", default=list, blank=True)
    refresh_tokens = models.BooleanField("jetons de rafraîchissement", default=False)
    sector = models.CharField("secteur (vide : sub public)", max_length=100, blank=True)
    jwks = models.JSONField("clés publiques (private_key_jwt)", default=dict, blank=True)
    userinfo_alg = models.CharField(
        "signature de userinfo", max_length=5, blank=True, choices=[("RS256", "RS256"), ("ES256", "ES256")]
    )
    relays = models.BooleanField("nomme le service final (sp_name)", default=False)
    may_introspect = models.BooleanField("peut examiner les jetons des autres", default=False)
    previous_secret_digest = models.CharField(max_length=64, editable=False, blank=True)
    created_at = models.DateTimeField("enregistrée le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "application"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Check what no validator of a single field can check."""
        if not isinstance(self.claims, list) or not set(map(str, self.claims)) <= set(CLAIMS):
            raise ValidationError(f"Les données permises sont parmi : {', '.join(CLAIMS)}.")
        if not (ACR.fullmatch(self.acr_password) and ACR.fullmatch(self.acr_two_factor)):
            raise ValidationError("Un nom d’acr est en caractères ASCII visibles, sans espace.")
        if self.acr_password == self.acr_two_factor:
            raise ValidationError("Les deux niveaux ne peuvent pas porter le même nom d’acr.")
        if unknown := {self.id_token_alg, self.userinfo_alg} - {"", *signing.get_current_ring().list_algorithms()}:
            raise ValidationError(f"Aucune clé de signature {', '.join(unknown)} dans CERBERE_SIGNING_KEYS.")
        if self.sector and not settings.PAIRWISE_SALT:
            raise ValidationError("Un secteur demande le réglage CERBERE_PAIRWISE_SALT.")
        if self.jwks:
            validate_public_keys(self.jwks)

    def renew_secret(self) -> str:
        """Replace the secret, and return the new one, which is not stored. The caller saves.

        The previous secret stays valid until the next renewal or `forget_previous_secret`, so that the
        application can change it without an interruption.
        """
        secret = make_secret()
        self.previous_secret_digest, self.secret_digest = self.secret_digest, digest(secret)
        return secret

    def forget_previous_secret(self) -> None:
        self.previous_secret_digest = ""

    def check_secret(self, presented: str) -> bool:
        stored = [secret_digest for secret_digest in (self.secret_digest, self.previous_secret_digest) if secret_digest]
        return any(hmac.compare_digest(secret_digest, digest(presented)) for secret_digest in stored)


# The fields that the administration, a reviewed file and a command may set.
CLIENT_FIELDS = [field.name for field in Client._meta.concrete_fields if field.editable and not field.primary_key]


class UsedAssertion(models.Model):
    """The `jti` of an assertion that a client has used (RFC 7523 §3), so that it is not accepted again."""

    client = models.ForeignKey(Client, models.CASCADE)
    jti_digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "jti_digest"], name="assertion_once")]
