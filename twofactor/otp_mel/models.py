from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import models
from django_otp.models import Device

from accounts.models import Agent
from accounts.sessions.store import DOUBLE_SUBMIT
from twofactor.codes import COUNTED, Outcome, judge, matching_steps, step_of
from twofactor.seeds import sealing
from twofactor.throttle import FREE_TRIES, is_closed, wait_after

log = structlog.get_logger("twofactor.otp_mel")
NOT_EVALUATED = (Outcome.TOO_MANY_TRIES, Outcome.SECRET_CHANGED)
MEMORY = timedelta(minutes=10)  # how long a code that the Bnum accepted is remembered: its own window is shorter


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
    fingerprint = models.CharField(max_length=100, blank=True, db_default="", default="")
    last_code = models.CharField(max_length=100, blank=True, db_default="", default="")  # digest, where no seed is kept
    changed_at = models.DateTimeField("changée sur le Bnum", null=True)
    last_step = models.BigIntegerField(default=-1)
    last_used_at = models.DateTimeField("dernier usage", null=True)
    last_sid = models.UUIDField(null=True)
    failures = models.PositiveIntegerField("échecs de suite", default=0)
    locked_until = models.DateTimeField("bloquée jusqu’à", null=True)
    last_refusal = models.CharField("dernier refus", max_length=20, blank=True)
    last_refusal_at = models.DateTimeField("date du dernier refus", null=True)

    locks_now = False  # whether the failure that was just counted is the first that makes the agent wait
    SEALED = ("sealed_seed", "fingerprint")  # what `seal` writes
    BURNT = ("last_step", "last_used_at", "last_sid", "failures", "locked_until")  # what `_burn` sets
    REFUSED = ("last_refusal", "last_refusal_at", "failures", "locked_until")  # what `refuse` sets

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

    @classmethod
    def active_locked(cls, agent_id: int | None) -> OtpMelDevice | None:
        """The agent's active method under a row lock; None if there is none (any more). Call inside a transaction."""
        device: OtpMelDevice | None = cls.objects.select_for_update().filter(user=agent_id, confirmed=True).first()
        return device

    @property
    def bound_to(self) -> str:
        """Associated data of the sealed seed."""
        return f"{self.user_id}:{self.uuid}"

    @property
    def seed(self) -> bytes:
        return sealing.unseal(self.sealed_seed, self.bound_to)

    def take_seed(self, seed: bytes | None) -> None:
        """Keep this secret from now on, None if the Bnum keeps it; facts that rest on an earlier one are dead."""
        self.uuid, self.changed_at = uuid4(), None
        self.sealed_seed = self.fingerprint = ""
        if seed is not None:
            self.seal(seed)

    def seal(self, seed: bytes) -> None:
        """With the key that seals now."""
        self.sealed_seed = sealing.seal(seed, self.bound_to)
        self.fingerprint = sealing.digest(seed, str(self.user_id))

    def holds(self, seed: bytes) -> bool:
        """Whether this is the secret that the agent confirmed."""
        if self.fingerprint:
            return sealing.is_digest_of(self.fingerprint, seed, str(self.user_id))
        return bool(self.sealed_seed) and self.seed == seed  # sealed by a version without fingerprints

    def check_and_burn(self, code: str, sid: UUID | None, now: datetime, seed: bytes | None = None) -> Outcome:
        """Judge a clean code and write what follows: the burnt step, or one more failure.

        By the secret that is kept, or by `seed`, which the agent is about to confirm and which is not kept here.
        Call on a row from `locked_for` or `active_locked`, in the transaction of what the code gives. While tries are
        refused, and once the Bnum holds another secret, nothing is evaluated or written.
        """
        outcome, step = self._judge(code, now, seed)
        if outcome is Outcome.GOOD:
            self._burn(step, sid, now)
            self.save(update_fields=self.BURNT)
        elif outcome not in NOT_EVALUATED:
            self.refuse(outcome, now)
            self.save(update_fields=self.REFUSED)
        return outcome

    def _judge(self, code: str, now: datetime, seed: bytes | None = None) -> tuple[Outcome, int]:
        if self._refuses_tries(now):
            return Outcome.TOO_MANY_TRIES, self.last_step
        if seed is None and self.changed_at:
            return Outcome.SECRET_CHANGED, self.last_step
        return judge(seed or self.seed, code, now, settings.OTP_TOLERANCE, self.last_step)

    def reserve(self, code: str, sid: UUID | None, now: datetime) -> Outcome | None:
        """Count one try before the Bnum is asked; an outcome when it need not be asked.

        Call on a row from `locked_for`, in a transaction that ends before the Bnum is asked: so many tries at a
        time may be under way as are free, and no connection is held while it answers.
        """
        if self.is_repeat(code, sid, now):
            return Outcome.REPEATED
        if self._refuses_tries(now):
            return Outcome.TOO_MANY_TRIES
        self.refuse(Outcome.ALREADY_USED if self._remembers(code, now) else Outcome.WRONG, now)
        self.save(update_fields=self.REFUSED)
        return Outcome.ALREADY_USED if self.last_refusal == Outcome.ALREADY_USED else None

    def burn_answered(self, code: str, sid: UUID | None, now: datetime) -> Outcome:
        """The Bnum has said yes to a reserved try: burn the code here too, in the transaction of what it gives.

        The Bnum has a memory of its own. Should it say yes twice running, one code still serves once. No seed is
        kept from now on: the Bnum's is the one that counts.
        """
        if self._remembers(code, now):
            return Outcome.ALREADY_USED
        self._burn(max(self.last_step, step_of(now)), sid, now)
        self.last_code, self.sealed_seed, self.fingerprint = self._digest(code), "", ""
        self.last_refusal, self.last_refusal_at = "", None
        self.save(update_fields={*self.BURNT, *self.REFUSED, *self.SEALED, "last_code"})
        return Outcome.GOOD

    def _remembers(self, code: str, now: datetime) -> bool:
        recent = self.last_used_at is not None and abs(now - self.last_used_at) <= MEMORY
        try:
            return recent and sealing.is_digest_of(self.last_code, code.encode(), str(self.user_id))
        except sealing.SeedKeyError:
            return False  # nothing remembered, or by a key that is gone: the Bnum remembers too

    def _digest(self, code: str) -> str:
        return sealing.digest(code.encode(), str(self.user_id))

    def is_repeat(self, code: str, sid: UUID | None, now: datetime) -> bool:
        """Whether this session has just burnt this very code: a form sent twice, not a replay.

        Lead on with it whoever sent the form, but never let it do another act: the code is burnt.
        """
        if not self.has_just_burnt(sid, now):
            return False
        if not self.sealed_seed:
            return self._remembers(code, now)
        return bool(matching_steps(self.seed, code, [self.last_step]))

    def has_just_burnt(self, sid: UUID | None, now: datetime) -> bool:
        if sid is None or self.last_sid != sid or self.last_used_at is None or self._refuses_tries(now):
            return False
        return abs(now - self.last_used_at) <= DOUBLE_SUBMIT

    def confirm(self, now: datetime) -> None:
        self.confirmed, self.confirmed_at = True, now
        self.save()

    def remove(self) -> None:
        """Forget the seed and kill every fact that rests on it; keep the replay memory and the throttle."""
        self.confirmed, self.confirmed_at, self.changed_at = False, None, None
        self.sealed_seed, self.fingerprint, self.uuid = "", "", uuid4()
        self.save()

    def mark_changed(self, now: datetime) -> None:
        """The Bnum has another secret, or none: no code is evaluated until the agent has confirmed it."""
        self.changed_at = now
        self.save(update_fields=["changed_at"])

    def unmark_changed(self) -> None:
        self.changed_at = None
        self.save(update_fields=["changed_at"])

    def give_back(self) -> None:
        """The last failure was not the agent's. A wait that it began ends: while one runs no other try is counted."""
        self.failures, self.locked_until = max(self.failures - 1, 0), None
        self.last_refusal, self.last_refusal_at = "", None
        self.save()

    def unlock(self) -> None:
        self.failures, self.locked_until = 0, None
        self.save(update_fields=["failures", "locked_until"])

    @property
    def is_closed(self) -> bool:
        return is_closed(self.failures)

    def _refuses_tries(self, now: datetime) -> bool:
        return self.is_closed or bool(self.locked_until and now < self.locked_until)

    def refuse(self, outcome: Outcome, now: datetime) -> None:
        """Note a refusal for the helpdesk, and count it unless the fault is our own clock's. The caller saves."""
        self.last_refusal, self.last_refusal_at = outcome, now
        if outcome in COUNTED:
            self.failures += 1
            self.locks_now = self.failures == FREE_TRIES
            self.locked_until = wait_after(self.failures, now)
        else:
            log.error(outcome)

    def _burn(self, step: int, sid: UUID | None, now: datetime) -> None:
        self.last_step, self.last_used_at, self.last_sid = step, now, sid
        self.failures, self.locked_until = 0, None


def otp_mel_of(agent: Agent) -> OtpMelDevice | None:
    """Return the agent's row, active or not. No statement when the agent was read by its backend."""
    return getattr(agent, "otp_mel", None)


def needs_renewal(agent: Agent) -> bool:
    """Tell whether the active method's secret has changed on the Bnum: its codes are refused until it is confirmed."""
    device = otp_mel_of(agent)
    return bool(device and device.confirmed and device.changed_at)
