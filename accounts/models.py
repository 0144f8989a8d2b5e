from __future__ import annotations

import unicodedata
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

DOUBLE_SUBMIT = timedelta(
    seconds=10
)  # a second sending of a form within this time is recognised by the replaced session key
SHARED_MAILBOX_MARK = ".-."  # agent.-.boite names an agent acting in a shared mailbox: never a login


def normalize_login(typed: str) -> str:
    """Return the one spelling of a uid or an e-mail address: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def validate_uid(uid: str) -> None:
    """Raise ValidationError for a uid that is not normalized, or looks like an e-mail address or a shared mailbox."""
    if uid != normalize_login(uid) or "@" in uid or SHARED_MAILBOX_MARK in uid or any(c.isspace() for c in uid):
        raise ValidationError("Identifiant en minuscules, sans espace, ni « @ », ni boîte partagée.")


class Mailbox(models.TextChoices):
    """The kinds of mailboxes in the directory; those of PERSON_MAILBOXES belong to one person."""

    INDIVIDUAL = "BALI", "boîte individuelle"
    PERSON = "PERS", "personne"
    SHARED = "BALS", "boîte de service"
    FUNCTIONAL = "BALF", "boîte fonctionnelle"


PERSON_MAILBOXES = (Mailbox.INDIVIDUAL, Mailbox.PERSON)


class AgentManager(BaseUserManager["Agent"]):
    def find_by_login(self, typed: str) -> Agent | None:
        """Return the agent with this uid or e-mail address in any spelling, active or not; None if there is none."""
        login = normalize_login(typed)
        name = "email" if "@" in login else "uid"  # no uid has an at sign (validate_uid)
        return self.filter(**{name: login}).first()

    def create_user(self, uid: str, password: str | None = None, **fields: Any) -> Agent:
        agent = self.model(uid=normalize_login(uid), **fields)
        agent.set_password(password)
        agent.full_clean(exclude=["password"])
        agent.save()
        return agent

    def create_superuser(self, uid: str, password: str | None = None, **fields: Any) -> Agent:
        return self.create_user(uid, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> Agent:
        return self.get(uid=normalize_login(username or ""))


class Agent(AbstractBaseUser, PermissionsMixin):
    """A person of the ministry. `uuid` never changes and is what applications receive as `sub`."""

    uid = models.CharField("identifiant", max_length=150, unique=True, validators=[validate_uid])
    uuid = models.UUIDField("uuid", default=uuid.uuid4, unique=True, editable=False)
    directory_id = models.CharField(
        "identifiant dans l’annuaire", max_length=64, unique=True, null=True, blank=True, editable=False
    )  # identifies a person for ever, whereas uid and e-mail address may change, and pass to another person
    email = models.EmailField("adresse électronique", unique=True, null=True, blank=True)
    given_name = models.CharField("prénom", max_length=150)
    family_name = models.CharField("nom", max_length=150)
    usual_name = models.CharField("nom d’usage", max_length=150, blank=True)
    organizational_unit = models.CharField("service", max_length=200, blank=True)
    siret = models.CharField("SIRET", max_length=14, blank=True)
    phone_number = models.CharField("téléphone", max_length=30, blank=True)
    mailbox = models.CharField("boîte", max_length=4, choices=Mailbox.choices, default=Mailbox.INDIVIDUAL)
    is_verified_account = models.BooleanField("compte vérifié", default=False)
    is_active = models.BooleanField("actif", default=True)
    is_staff = models.BooleanField("accès à l’administration", default=False)
    date_joined = models.DateTimeField("créé le", default=timezone.now, editable=False)
    directory_seen_at = models.DateTimeField("vu dans l’annuaire le", null=True, blank=True, editable=False)
    directory_closed_at = models.DateTimeField(
        "fermé d’après l’annuaire le", null=True, blank=True, editable=False
    )  # the directory may open an account again that it closed, but not one that an administrator closed
    two_factor_required_from = models.DateTimeField(
        "deux facteurs exigés à partir du", null=True, blank=True, editable=False
    )
    two_factor_grace_until = models.DateTimeField("délai accordé jusqu’au", null=True, blank=True)
    two_factor_grace_reason = models.CharField("motif du délai", max_length=200, blank=True, default="", db_default="")

    objects: ClassVar[AgentManager] = AgentManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "uid"
    REQUIRED_FIELDS = ["given_name", "family_name"]

    class Meta:
        verbose_name = "agent"
        ordering = ["uid"]

    def __str__(self) -> str:
        return self.uid

    def clean(self) -> None:
        self.uid = normalize_login(self.uid)
        self.email = normalize_login(self.email) if self.email else None
        self.directory_id = normalize_login(self.directory_id) if self.directory_id else None

    @property
    def is_local_account(self) -> bool:
        """Tell whether Cerbère, and not the directory, keeps this account and its password."""
        return self.directory_id is None and self.has_usable_password()

    @property
    def can_sign_in(self) -> bool:
        return self.is_active and self.mailbox in PERSON_MAILBOXES

    @property
    def two_factor_due_at(self) -> datetime | None:
        """Return when two factors become mandatory for this agent, after any grace; None if they never do."""
        required_from, grace_until = self.two_factor_required_from, self.two_factor_grace_until
        return max(required_from, grace_until) if required_from and grace_until else required_from

    def get_full_name(self) -> str:
        return f"{self.given_name} {self.usual_name or self.family_name}".strip()

    def get_short_name(self) -> str:
        return self.given_name


class AgentSession(AbstractBaseSession):
    """One session of one browser. `sid` stays when the key rotates: it is the `sid` of ID tokens.

    `session_key` and `previous_key` are digests (accounts.sessions.store.digest_key), never what a cookie holds.
    """

    KEY_LENGTH: ClassVar[int] = 40  # characters, of both columns

    sid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Agent, models.CASCADE, null=True, related_name="sessions")
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    previous_key = models.CharField(max_length=KEY_LENGTH, blank=True)
    sealed_key = models.CharField(max_length=120, blank=True, db_default="", default="")  # accounts.sessions.store
    rotated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "session"
        indexes = [models.Index(fields=["previous_key"], name="session_previous")]

    @classmethod
    def get_session_store_class(cls) -> type[DatabaseSessionStore]:
        """Return Django's class, which decodes `session_data` as our subclass of it does."""
        return DatabaseSessionStore

    def is_alive(self, now: datetime) -> bool:
        """Tell whether this session is within both limits, as `filter_alive` does in the database."""
        idle: timedelta = settings.SESSION_IDLE
        return self.expire_date > now and self.last_seen_at > now - idle

    @classmethod
    def filter_alive(cls, now: datetime) -> models.QuerySet[AgentSession]:
        """Return the sessions within both limits: absolute (`expire_date`) and idle (`last_seen_at`)."""
        idle: timedelta = settings.SESSION_IDLE
        return cls.objects.filter(expire_date__gt=now, last_seen_at__gt=now - idle)


class Attempts(models.Model):
    """Failed passwords counted under one key: an account, a browser known to it, or a source IP address."""

    key = models.CharField(max_length=100, primary_key=True)
    failures = models.PositiveIntegerField("échecs", default=0)
    locked_until = models.DateTimeField("bloqué jusqu’à", null=True)
    since = models.DateTimeField("comptés depuis", default=timezone.now)
    updated_at = models.DateTimeField("dernier essai", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "essais de mot de passe"

    def __str__(self) -> str:
        return self.key
