from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Agent, AgentSession
from cerbere.provider.authorization.policy import Terms
from cerbere.provider.clients.public_keys import validate_public_keys
from cerbere.provider.clients.redirect_uris import validate_redirect_uris, validate_web_uri
from cerbere.provider.keys import ring as keys
from cerbere.provider.tokens.claims import CLAIMS
from twofactor.strength import Strength

ACR = re.compile(r"[\x21-\x7e]+")  # one of `acr_values`, which are apart by spaces
PARKED_FOR = timedelta(minutes=15)
CODE_LIFETIME = timedelta(seconds=60)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)


def new_secret() -> str:
    """256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """How machines' secrets are kept: they are random, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Tokens:
    """What a grant gives at once. `refresh` is `family.secret`: a used one still names the family that it was of."""

    access: str
    refresh: str | None = None

    @classmethod
    def new(cls, family: str | None) -> Tokens:
        return cls(new_secret(), f"{family}.{new_secret()}" if family else None)

    def columns(self, now: datetime) -> dict[str, Any]:
        kept = {"access_digest": digest(self.access), "access_expires_at": now + ACCESS_TOKEN_LIFETIME}
        if self.refresh is None:
            return kept
        return kept | {"family": self.refresh.partition(".")[0], "refresh_digest": digest(self.refresh)}


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
        """What no single field can tell."""
        if not isinstance(self.claims, list) or not set(map(str, self.claims)) <= set(CLAIMS):
            raise ValidationError(f"Les données permises sont parmi : {', '.join(CLAIMS)}.")
        if not (ACR.fullmatch(self.acr_password) and ACR.fullmatch(self.acr_two_factor)):
            raise ValidationError("Un nom d’acr est en caractères ASCII visibles, sans espace.")
        if self.acr_password == self.acr_two_factor:
            raise ValidationError("Les deux niveaux ne peuvent pas porter le même nom d’acr.")
        if unknown := {self.id_token_alg, self.userinfo_alg} - {"", *keys.ring().algorithms()}:
            raise ValidationError(f"Aucune clé de signature {', '.join(unknown)} dans CERBERE_SIGNING_KEYS.")
        if self.sector and not settings.PAIRWISE_SALT:
            raise ValidationError("Un secteur demande le réglage CERBERE_PAIRWISE_SALT.")
        if self.jwks:
            validate_public_keys(self.jwks)

    @property
    def terms(self) -> Terms:
        names = {Strength.PASSWORD: self.acr_password, Strength.TWO_FACTOR: self.acr_two_factor}
        return Terms(Strength(self.minimum), names)

    def renew_secret(self) -> str:
        """Returns the new secret, which cannot be had again; the caller saves.

        The one before stays valid until the next renewal or `forget_previous_secret`: applications roll over.
        """
        secret = new_secret()
        self.previous_secret_digest, self.secret_digest = self.secret_digest, digest(secret)
        return secret

    def forget_previous_secret(self) -> None:
        self.previous_secret_digest = ""

    def secret_is(self, presented: str) -> bool:
        valid = [known for known in (self.secret_digest, self.previous_secret_digest) if known]
        return any(hmac.compare_digest(known, digest(presented)) for known in valid)


# What may be said of a client: in the administration, in a reviewed file, to a command.
CLIENT_FIELDS = [field.name for field in Client._meta.concrete_fields if field.editable and not field.primary_key]


class ParkedRequest(models.Model):
    """An authorization request that waits for the agent, for PARKED_FOR, in the browser that brought it.

    Bound to a cookie of its own, not to the session: it survives sign-in, sign-out and a new session key.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    browser_digest = models.CharField(max_length=64)
    client = models.ForeignKey(Client, models.CASCADE, db_index=False)
    parameters = models.JSONField()
    received_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    answered = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["browser_digest"], name="parked_browser")]


class PushedRequest(models.Model):
    """An authorization request that a client sent ahead (RFC 9126), named once by its request_uri."""

    request_uri_digest = models.CharField(max_length=64, primary_key=True)
    client = models.ForeignKey(Client, models.CASCADE)
    parameters = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)


class UsedAssertion(models.Model):
    """The `jti` of a client's assertion (RFC 7523 §3): none is accepted twice."""

    client = models.ForeignKey(Client, models.CASCADE)
    jti_digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "jti_digest"], name="assertion_once")]


class GrantQuerySet(models.QuerySet["Grant"]):
    def with_validity_relations(self) -> GrantQuerySet:
        """Read with each grant, in one statement, all that must still be true when it is used."""
        return self.select_related("client", "agent", "agent__otp_mel", "session")


class Grant(models.Model):
    """What one authorization request gave: a code, then an access token. Only digests are kept.

    Its indexes are made by hand: Django makes two of each column of text, and every sign-on pays for them twice.
    """

    client = models.ForeignKey(Client, models.CASCADE, db_index=False)  # needed only when a client is removed
    agent = models.ForeignKey(Agent, models.CASCADE)
    session = models.ForeignKey(AgentSession, models.SET_NULL, to_field="sid", null=True)
    code_digest = models.CharField(max_length=64)
    redirect_uri = models.CharField(max_length=2000)
    code_challenge = models.CharField(max_length=43, blank=True)
    nonce = models.TextField(blank=True)
    scope = models.TextField(blank=True)
    claims = models.JSONField(default=dict)
    strength = models.IntegerField()
    acr = models.CharField(max_length=100)
    auth_time = models.DateTimeField()
    created_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    access_digest = models.CharField(max_length=64, null=True)
    access_expires_at = models.DateTimeField(null=True)
    family = models.CharField(max_length=22, null=True)
    refresh_digest = models.CharField(max_length=64, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code_digest"], name="grant_of_code"),
            models.UniqueConstraint(
                fields=["access_digest"], name="grant_of_access_token", condition=Q(access_digest__isnull=False)
            ),
            models.UniqueConstraint(fields=["family"], name="grant_of_family", condition=Q(family__isnull=False)),
        ]

    def redeem(self, tokens: Tokens, now: datetime) -> bool:
        """Burn the code and attach the tokens in one statement; return False when it was burnt already."""
        unburnt = Grant.objects.filter(pk=self.pk, redeemed_at=None, revoked_at=None)
        return unburnt.update(redeemed_at=now, **tokens.columns(now)) == 1

    def has_refresh_token(self, presented: str) -> bool:
        """Whether it is the current one of the family, not one that was used."""
        return hmac.compare_digest(self.refresh_digest, digest(presented))

    def rotate(self, presented: str, tokens: Tokens, now: datetime) -> bool:
        """Put new tokens in the place of the presented refresh token; return False when it was used before."""
        current = Grant.objects.filter(pk=self.pk, refresh_digest=digest(presented), revoked_at=None)
        return current.update(**tokens.columns(now)) == 1

    def revoke(self, now: datetime) -> None:
        """The code and the access token that it gave are dead from now on."""
        Grant.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now)


class LogoutNotice(models.Model):
    """That a session has ended, for one application; kept so that the helpdesk sees what became of it."""

    client = models.ForeignKey(Client, models.CASCADE, verbose_name="application")
    agent = models.ForeignKey(Agent, models.CASCADE, verbose_name="agent")
    sid = models.UUIDField("session")
    created_at = models.DateTimeField("date", db_index=True)
    attempts = models.PositiveSmallIntegerField("essais", default=0)
    delivered_at = models.DateTimeField("reçu le", null=True)
    last_error = models.CharField("dernière erreur", max_length=100, blank=True)

    class Meta:
        verbose_name = "avis de déconnexion"
        verbose_name_plural = "avis de déconnexion"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.client_id} {self.sid}"
