"""Secrets of the Bnum that an operator imported."""

from __future__ import annotations

from django.db import models

from accounts.models import Agent
from twofactor.seeds import sealing


class ImportedSeed(models.Model):
    """A secret of the Bnum that an operator imported, where Cerbère cannot read the Bnum's own database.

    It activates nothing: the agent still proves it with a code.
    """

    agent = models.OneToOneField(Agent, models.CASCADE, related_name="imported_seed")
    sealed_seed = models.TextField()
    imported_at = models.DateTimeField("importé le")

    SEAL_FIELDS = ("sealed_seed",)

    class Meta:
        verbose_name = "secret importé"
        verbose_name_plural = "secrets importés"

    def __str__(self) -> str:
        return f"secret importé ({self.agent_id})"

    @property
    def bound_to(self) -> str:
        """Associated data of the sealed seed."""
        return f"imported:{self.agent_id}"

    @property
    def seed(self) -> bytes:
        return sealing.unseal(self.sealed_seed, self.bound_to)

    def seal(self, seed: bytes) -> None:
        """With the key that seals now."""
        self.sealed_seed = sealing.seal(seed, self.bound_to)
