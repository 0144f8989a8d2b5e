from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django_otp.models import Device

from accounts.models import Agent
from accounts.sessions import DOUBLE_SUBMIT
from twofactor import seeds
from twofactor.codes import REFUSED_CODE, Outcome, judge, matching_steps
from twofactor.throttle import is_closed, wait_after


class OtpMelDevice(Device):  # type: ignore[misc]
    """The agent's « OTP Mél »: one row an agent, kept when the method is removed.

    The row carries the replay memory and the throttle, which must outlive the method; `confirmed` says
    whether the method is active, and `uuid` changes each time it is added, so that old facts stay dead.
    """

    user = models.OneToOneField(Agent, models.CASCADE, related_name="otp_mel")
    uuid = models.UUIDField(default=uuid4, editable=False)
    name = models.CharField(max_length=64, default="OTP Mél")
    confirmed = models.BooleanField("active", default=False)
    confirmed_at = models.DateTimeField("activée le", null=True)
    sealed_seed = models.TextField(blank=True)
    last_step = models.BigIntegerField(default=-1)
    last_used_at = models.DateTimeField("dernier usage", null=True)
    last_sid = models.UUIDField(null=True)
    failures = models.PositiveIntegerField("échecs de suite", default=0)
    locked_until = models.DateTimeField("bloquée jusqu’à", null=True)
    last_refusal = models.CharField("dernier refus", max_length=20, blank=True)
    last_refusal_at = models.DateTimeField("date du dernier refus", null=True)

    class Meta:
        verbose_name = "méthode OTP Mél"
        verbose_name_plural = "méthodes OTP Mél"

    def __str__(self) -> str:
        return f"OTP Mél ({self.user_id})"

    @classmethod
    def locked_for(cls, agent: Agent) -> OtpMelDevice:
        """The agent's row under a row lock, made if there is none. Call inside a transaction."""
        cls.objects.get_or_create(user=agent)
        device: OtpMelDevice = cls.objects.select_for_update().get(user=agent)
        return device

    @property
    def bound_to(self) -> str:
        """Associated data of the sealed seed."""
        return f"{self.user_id}:{self.uuid}"

    @property
    def seed(self) -> bytes:
        return seeds.unseal(self.sealed_seed, self.bound_to)

    def take_seed(self, seed: bytes) -> None:
        self.uuid = uuid4()
        self.sealed_seed = seeds.seal(seed, self.bound_to)

    def check_and_burn(self, code: str, sid: UUID | None, now: datetime) -> Outcome:
        """Judge a clean code and write what follows: the burnt step, or one more failure.

        Call on a row from `locked_for`, in the transaction of whatever the code gives. While tries are
        refused nothing is evaluated or written.
        """
        if self.is_closed or (self.locked_until and now < self.locked_until):
            return Outcome.TOO_MANY_TRIES
        outcome, step = judge(self.seed, code, now, settings.OTP_TOLERANCE, self.last_step)
        if outcome is Outcome.ALREADY_USED and self.is_repeat(code, sid, now):
            return Outcome.REPEATED
        if outcome in REFUSED_CODE:
            self._count_failure(outcome, now)
        else:
            self._burn(step, sid, now)
        self.save()
        return outcome

    def is_repeat(self, code: str, sid: UUID | None, now: datetime) -> bool:
        """Whether this session has just burnt this very code: a form sent twice, not a replay."""
        if sid is None or self.last_sid != sid or not self.last_used_at:
            return False
        return now - self.last_used_at <= DOUBLE_SUBMIT and bool(matching_steps(self.seed, code, [self.last_step]))

    def confirm(self, now: datetime) -> None:
        self.confirmed, self.confirmed_at = True, now
        self.save()

    def remove(self) -> None:
        """Forget the seed and kill every fact that rests on it; keep the replay memory and the throttle."""
        self.confirmed, self.confirmed_at, self.sealed_seed, self.uuid = False, None, "", uuid4()
        self.save()

    def unlock(self) -> None:
        self.failures, self.locked_until = 0, None
        self.save(update_fields=["failures", "locked_until"])

    @property
    def is_closed(self) -> bool:
        return is_closed(self.failures)

    def _burn(self, step: int, sid: UUID | None, now: datetime) -> None:
        self.last_step, self.last_used_at, self.last_sid = step, now, sid
        self.failures, self.locked_until = 0, None

    def _count_failure(self, outcome: Outcome, now: datetime) -> None:
        self.failures += 1
        self.locked_until = wait_after(self.failures, now)
        self.last_refusal, self.last_refusal_at = outcome, now


class ImportedSeed(models.Model):
    """A secret of the Bnum that an operator imported, where Cerbère cannot read the Bnum's own database.

    It activates nothing: the agent still proves it with a code.
    """

    agent = models.OneToOneField(Agent, models.CASCADE, related_name="imported_seed")
    sealed_seed = models.TextField()
    imported_at = models.DateTimeField("importé le")

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
        return seeds.unseal(self.sealed_seed, self.bound_to)

    def take_seed(self, seed: bytes) -> None:
        self.sealed_seed = seeds.seal(seed, self.bound_to)
