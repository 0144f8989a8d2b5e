from typing import ClassVar

from django.db import models

from piag_gateway.sessions import Session

__all__ = ["Session", "SpentToken", "Visitor"]


class Visitor(models.Model):
    """An agent who has signed in, identified by `iss` and `sub` of the ID token.

    The e-mail address identifies nobody: it can be given to another agent, `iss` with `sub` cannot
    (OpenID Connect Core §5.7).
    """

    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    is_active = models.BooleanField(default=True)
    first_seen = models.DateTimeField(auto_now_add=True)

    # django.contrib.auth requires these of a user model that does not derive from AbstractBaseUser.
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
    """The id of a logout token that has been used. The row is needed until the token is too old to be accepted."""

    jti = models.CharField(max_length=255, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: "ClassVar[models.Manager[SpentToken]]" = models.Manager()
