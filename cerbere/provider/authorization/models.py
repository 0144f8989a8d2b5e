"""Stored authorization requests: parked until the agent has signed in, or pushed by a client."""

import uuid
from datetime import timedelta

from django.db import models

from cerbere.provider.clients.models import Client

PARKED_FOR = timedelta(minutes=15)


class ParkedRequest(models.Model):
    """An authorization request that waits for the agent, for PARKED_FOR, in the browser that brought it.

    A cookie of its own binds it to the browser, so that it survives sign-in, sign-out and a new session key.
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
    """An authorization request that a client has pushed (RFC 9126); its request_uri can be used once."""

    request_uri_digest = models.CharField(max_length=64, primary_key=True)
    client = models.ForeignKey(Client, models.CASCADE)
    parameters = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)
