"""Authorization requests that are kept: parked for the agent, or pushed by a client."""

import uuid
from datetime import timedelta

from django.db import models

from cerbere.provider.clients.models import Client

PARKED_FOR = timedelta(minutes=15)


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
