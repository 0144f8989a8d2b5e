from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import Agent, AgentSession
from cerbere.provider.policy import Terms
from cerbere.provider.redirect_uris import validate_redirect_uris, validate_web_uri
from twofactor.strength import Strength

PARKED_FOR = timedelta(minutes=15)
CODE_LIFETIME = timedelta(seconds=60)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)


def new_secret() -> str:
    """256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """How machines' secrets are kept: they are random, so one SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
    created_at = models.DateTimeField("enregistrée le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "application"

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> Terms:
        names = {Strength.PASSWORD: self.acr_password, Strength.TWO_FACTOR: self.acr_two_factor}
        return Terms(Strength(self.minimum), names)

    def renew_secret(self) -> str:
        """Returns the new secret, which cannot be had again; the caller saves."""
        secret = new_secret()
        self.secret_digest = digest(secret)
        return secret

    def secret_is(self, presented: str) -> bool:
        return hmac.compare_digest(self.secret_digest, digest(presented))


class ParkedRequest(models.Model):
    """An authorization request that waits for the agent, for PARKED_FOR, in the browser that brought it.

    Bound to a cookie of its own, not to the session: it survives sign-in, sign-out and a new session key.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    browser_digest = models.CharField(max_length=64, db_index=True)
    client = models.ForeignKey(Client, models.CASCADE)
    parameters = models.JSONField()
    received_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    answered = models.BooleanField(default=False)


class GrantQuerySet(models.QuerySet["Grant"]):
    def whole(self) -> GrantQuerySet:
        """With all that must still be true when it is used, in one statement."""
        return self.select_related("client", "agent", "agent__otp_mel", "session")


class Grant(models.Model):
    """What one authorization request gave: a code, then an access token. Only digests are kept."""

    client = models.ForeignKey(Client, models.CASCADE)
    agent = models.ForeignKey(Agent, models.CASCADE)
    session = models.ForeignKey(AgentSession, models.SET_NULL, to_field="sid", null=True)
    code_digest = models.CharField(max_length=64, unique=True)
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
    access_digest = models.CharField(max_length=64, unique=True, null=True)
    access_expires_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    def redeem(self, access_token: str, now: datetime) -> bool:
        """Burn the code and attach the access token, in one statement. False when it was burnt already."""
        unburnt = Grant.objects.filter(pk=self.pk, redeemed_at=None, revoked_at=None)
        changes: dict[str, Any] = {
            "redeemed_at": now,
            "access_digest": digest(access_token),
            "access_expires_at": now + ACCESS_TOKEN_LIFETIME,
        }
        return unburnt.update(**changes) == 1

    def revoke(self, now: datetime) -> None:
        """The code and the access token that it gave are dead from now on."""
        Grant.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now)
