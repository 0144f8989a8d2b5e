"""Back-channel logout notices, one for each application of a session that has ended."""

from django.db import models

from accounts.models import Agent
from cerbere.provider.clients.models import Client


class LogoutNotice(models.Model):
    """A notice to one application that a session has ended; kept so that the helpdesk sees whether it arrived."""

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
