from typing import ClassVar

from django.db import models

from piag_gateway.sessions import Session

__all__ = ["Session", "SpentToken", "Visitor"]


class Visitor(models.Model):
    """An agent as PIAG knows one: the subject that an issuer vouches for.

    Never found by e-mail: an address can pass to somebody else, `iss` with `sub` cannot
    (OpenID Connect Core §5.7).
    """

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    first_seen = models.DateTimeField(auto_now_add=True)

    # What django.contrib.auth asks of a model of users.
    USERNAME_FIELD = "subject"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: "ClassVar[models.Manager[Visitor]]" = models.Manager()
    is_anonymous = False
    is_authenticated = True

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_visitor_per_issuer_and_subject")
        ]

    def __str__(self) -> str:
        return self.name or self.subject


class SpentToken(models.Model):
    """A logout token that has done its work. It is kept for as long as its age alone would not refuse it."""

    jti = models.CharField(max_length=255, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: "ClassVar[models.Manager[SpentToken]]" = models.Manager()
