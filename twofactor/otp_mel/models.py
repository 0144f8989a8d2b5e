from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import models
from django_otp.models import Device

from accounts.models import DOUBLE_SUBMIT, Agent
from twofactor.codes import COUNTED_OUTCOMES, Outcome, find_matching_steps, get_step, judge_code
from twofactor.seeds import sealing
from twofactor.throttle import FREE_TRIES, compute_wait_end, is_closed

log = structlog.get_logger("twofactor.otp_mel")
OUTCOMES_WITHOUT_TRY = (Outcome.TOO_MANY_TRIES, Outcome.SECRET_CHANGED)
CODE_MEMORY = timedelta(minutes=10)  # a code that the Bnum accepted is remembered this long: its own window is shorter


class OtpMelDevice(Device):  # type: ignore[misc]
    """The agent's « OTP Mél »: one row an agent, kept when the method is removed.

    The row holds the replay memory and the throttle, which must outlive the method. `confirmed` tells whether the
    method is active; `uuid` changes each time it is added, so that older facts in sessions no longer count.
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

    is_first_lock = False  # set when the failure just counted is the first one that makes the agent wait
    SEAL_FIELDS = ("sealed_seed", "fingerprint")  # what `seal` writes
    BURN_FIELDS = ("last_step", "last_used_at", "last_sid", "failures", "locked_until")  # what `_burn` sets
    REFUSAL_FIELDS = ("last_refusal", "last_refusal_at", "failures", "locked_until")  # what `refuse` sets

    class Meta:
        verbose_name = "méthode OTP Mél"
        verbose_name_plural = "méthodes OTP Mél"

    def __str__(self) -> str:
        return f"OTP Mél ({self.user_id})"

    @classmethod
    def lock_for_agent(cls, agent: Agent) -> OtpMelDevice:
        """Return the agent's row under a row lock, creating it if there is none. Call inside a transaction."""
        cls.objects.get_or_create(user=agent)
        device: OtpMelDevice = cls.objects.select_for_update().get(user=agent)
        return device

    @classmethod
    def lock_active(cls, agent_id: int | None) -> OtpMelDevice | None:
        """Return the agent's active method under a row lock, None if there is none. Call inside a transaction."""
        device: OtpMelDevice | None = cls.objects.select_for_update().filter(user=agent_id, confirmed=True).first()
        return device

    @property
    def bound_to(self) -> str:
        """Return the associated data of the sealed seed."""
        return f"{self.user_id}:{self.uuid}"

    @property
    def seed(self) -> bytes:
        return sealing.unseal(self.sealed_seed, self.bound_to)

    def set_seed(self, seed: bytes | None) -> None:
        """Replace the secret, by None if the Bnum keeps it. Facts in sessions that rest on the old one end."""
        self.uuid, self.changed_at = uuid4(), None
        self.sealed_seed = self.fingerprint = ""
        if seed is not None:
            self.seal(seed)

    def seal(self, seed: bytes) -> None:
        """Encrypt the seed with the first sealing key."""
        self.sealed_seed = sealing.seal(seed, self.bound_to)
        self.fingerprint = sealing.digest(seed, str(self.user_id))

    def has_seed(self, seed: bytes) -> bool:
        """Tell whether this is the secret that the agent confirmed."""
        if self.fingerprint:
            return sealing.is_digest_of(self.fingerprint, seed, str(self.user_id))
        return bool(self.sealed_seed) and self.seed == seed  # sealed by a version without fingerprints

    def check_and_burn(self, code: str, sid: UUID | None, now: datetime, seed: bytes | None = None) -> Outcome:
        """Judge a clean code, and write the burnt step or one more failure.

        The code is judged by the stored secret, or by `seed`, one that the agent is about to confirm. Call on a row
        from `lock_for_agent` or `lock_active`, in the transaction of the act that the code allows. While the method
        is locked, and once the Bnum has another secret, nothing is evaluated or written.
        """
        outcome, step = self._judge(code, now, seed)
        if outcome is Outcome.GOOD:
            self._burn(step, sid, now)
            self.save(update_fields=self.BURN_FIELDS)
        elif outcome not in OUTCOMES_WITHOUT_TRY:
            self.note_refusal(outcome, now)
            self.save(update_fields=self.REFUSAL_FIELDS)
        return outcome

    def _judge(self, code: str, now: datetime, seed: bytes | None = None) -> tuple[Outcome, int]:
        if self._is_locked(now):
            return Outcome.TOO_MANY_TRIES, self.last_step
        if seed is None and self.changed_at:
            return Outcome.SECRET_CHANGED, self.last_step
        return judge_code(seed or self.seed, code, now, settings.OTP_TOLERANCE, self.last_step)

    def reserve_try(self, code: str, sid: UUID | None, now: datetime) -> Outcome | None:
        """Count one try before the Bnum is asked. Return an outcome if it need not be asked, else None.

        Call on a row from `lock_for_agent`, in a transaction that ends before the Bnum is asked: then no row stays
        locked while it answers, and parallel tries cannot exceed the limit.
        """
        if self.is_double_submit(code, sid, now):
            return Outcome.REPEATED
        if self._is_locked(now):
            return Outcome.TOO_MANY_TRIES
        self.note_refusal(Outcome.ALREADY_USED if self._has_just_accepted(code, now) else Outcome.WRONG, now)
        self.save(update_fields=self.REFUSAL_FIELDS)
        return Outcome.ALREADY_USED if self.last_refusal == Outcome.ALREADY_USED else None

    def burn_accepted_code(self, code: str, sid: UUID | None, now: datetime) -> Outcome:
        """Burn a code that the Bnum accepted after `reserve_try`, in the transaction of the act that the code allows.

        Should the Bnum accept a code twice, the second time is ALREADY_USED. The seed is erased: from now on only
        the Bnum's counts.
        """
        if self._has_just_accepted(code, now):
            return Outcome.ALREADY_USED
        self._burn(max(self.last_step, get_step(now)), sid, now)
        self.last_code, self.sealed_seed, self.fingerprint = self._digest_code(code), "", ""
        self.last_refusal, self.last_refusal_at = "", None
        self.save(update_fields={*self.BURN_FIELDS, *self.REFUSAL_FIELDS, *self.SEAL_FIELDS, "last_code"})
        return Outcome.GOOD

    def _has_just_accepted(self, code: str, now: datetime) -> bool:
        recent = self.last_used_at is not None and abs(now - self.last_used_at) <= CODE_MEMORY
        try:
            return recent and sealing.is_digest_of(self.last_code, code.encode(), str(self.user_id))
        except sealing.SeedKeyError:
            return False  # no code is stored, or its key has been removed; the Bnum itself refuses a used code too

    def _digest_code(self, code: str) -> str:
        return sealing.digest(code.encode(), str(self.user_id))

    def is_double_submit(self, code: str, sid: UUID | None, now: datetime) -> bool:
        """Tell whether this session has just burnt this code: a form sent twice, not a replay.

        Such a request may continue to the page that followed the first, but must do no other act.
        """
        if not self.has_just_burnt(sid, now):
            return False
        if not self.sealed_seed:
            return self._has_just_accepted(code, now)
        return bool(find_matching_steps(self.seed, code, [self.last_step]))

    def has_just_burnt(self, sid: UUID | None, now: datetime) -> bool:
        if sid is None or self.last_sid != sid or self.last_used_at is None or self._is_locked(now):
            return False
        return abs(now - self.last_used_at) <= DOUBLE_SUBMIT

    def confirm(self, now: datetime) -> None:
        self.confirmed, self.confirmed_at = True, now
        self.save()

    def remove(self) -> None:
        """Deactivate the method, erase the seed and end the facts in sessions; keep replay memory and throttle."""
        self.confirmed, self.confirmed_at, self.changed_at = False, None, None
        self.sealed_seed, self.fingerprint, self.uuid = "", "", uuid4()
        self.save()

    def mark_changed(self, now: datetime) -> None:
        """Note that the Bnum has another secret, or none: no code is evaluated until the agent has confirmed it."""
        self.changed_at = now
        self.save(update_fields=["changed_at"])

    def unmark_changed(self) -> None:
        self.changed_at = None
        self.save(update_fields=["changed_at"])

    def return_try(self) -> None:
        """Take back the last counted try, and the wait that it began: during a wait no other try is counted."""
        self.failures, self.locked_until = max(self.failures - 1, 0), None
        self.last_refusal, self.last_refusal_at = "", None
        self.save()

    def unlock(self) -> None:
        self.failures, self.locked_until = 0, None
        self.save(update_fields=["failures", "locked_until"])

    @property
    def is_closed(self) -> bool:
        return is_closed(self.failures)

    def _is_locked(self, now: datetime) -> bool:
        return self.is_closed or bool(self.locked_until and now < self.locked_until)

    def note_refusal(self, outcome: Outcome, now: datetime) -> None:
        """Note a refusal for the helpdesk, and count it unless the server's clock is at fault. The caller saves."""
        self.last_refusal, self.last_refusal_at = outcome, now
        if outcome in COUNTED_OUTCOMES:
            self.failures += 1
            self.is_first_lock = self.failures == FREE_TRIES
            self.locked_until = compute_wait_end(self.failures, now)
        else:
            log.error(outcome)

    def _burn(self, step: int, sid: UUID | None, now: datetime) -> None:
        self.last_step, self.last_used_at, self.last_sid = step, now, sid
        self.failures, self.locked_until = 0, None


def get_otp_mel(agent: Agent) -> OtpMelDevice | None:
    """Return the agent's row, active or not, without a statement if AgentBackend read the agent."""
    return getattr(agent, "otp_mel", None)


def needs_renewal(agent: Agent) -> bool:
    """Tell whether the active method's secret has changed on the Bnum, and the agent must confirm the new one."""
    device = get_otp_mel(agent)
    return bool(device and device.confirmed and device.changed_at)
