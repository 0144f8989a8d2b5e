"""Grants: the codes and tokens of authorization requests, stored as digests."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q

from accounts.models import Agent, AgentSession
from cerbere.provider.claims import select_known_scopes
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import digest, make_secret

CODE_LIFETIME = timedelta(seconds=60)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Tokens:
    """New tokens of a grant. `refresh` is `family.secret`, so that a used one can be traced to its family."""

    access: str
    refresh: str | None = None

    @classmethod
    def make(cls, family: str | None) -> Tokens:
        return cls(make_secret(), f"{family}.{make_secret()}" if family else None)

    def to_columns(self, now: datetime) -> dict[str, Any]:
        columns = {"access_digest": digest(self.access), "access_expires_at": now + ACCESS_TOKEN_LIFETIME}
        if self.refresh is None:
            return columns
        return columns | {"family": self.refresh.partition(".")[0], "refresh_digest": digest(self.refresh)}


class GrantQuerySet(models.QuerySet["Grant"]):
    def with_validity_relations(self) -> GrantQuerySet:
        """Select with each grant, in one statement, the rows that its validity depends on."""
        return self.select_related("client", "agent", "agent__otp_mel", "session")

    def find_by_token(self, token: str) -> Grant | None:
        """Return the grant of an access token or of the current refresh token of a family; each has an index."""
        current = Q(family=token.partition(".")[0], refresh_digest=digest(token))
        return self.with_validity_relations().filter(Q(access_digest=digest(token)) | current).first()


class Grant(models.Model):
    """The grant of one authorization request: a code, then tokens, stored as digests.

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

    @property
    def known_scope(self) -> str:
        """Return the granted scopes: those requested that give this client a claim (RFC 6749 §3.3)."""
        return " ".join(select_known_scopes(self.scope, tuple(self.client.claims)))

    def has_refresh_token(self, presented: str) -> bool:
        """Tell whether this is the current refresh token of the family, and not a used one."""
        return hmac.compare_digest(self.refresh_digest, digest(presented))

    def rotate(self, presented: str, tokens: Tokens, now: datetime) -> bool:
        """Put new tokens in the place of the presented refresh token; return False when it was used before."""
        current = Grant.objects.filter(pk=self.pk, refresh_digest=digest(presented), revoked_at=None)
        return current.update(**tokens.to_columns(now)) == 1

    def revoke(self, now: datetime) -> None:
        """Revoke the code and the tokens of this grant."""
        Grant.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now)
