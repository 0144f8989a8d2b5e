from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """The reason of a refused sign-in or change of password, as docs/audit.md lists it for the audit log."""

    TOO_MANY_TRIES = "too_many_tries"
    UNKNOWN = "unknown"
    WRONG_PASSWORD = "wrong_password"
    INACTIVE = "inactive"
    SHARED_MAILBOX = "shared_mailbox"
    NOT_A_PERSON = "not_a_person"
    AMBIGUOUS = "ambiguous"
    UNUSABLE_ENTRY = "unusable_entry"
    LOCAL_ACCOUNT = "local_account"
    PASSWORD_TO_CHANGE = "password_to_change"


@dataclass(frozen=True)
class PasswordRefusal:
    """The refusal of a password, with the end of the wait after too many tries.

    Pages distinguish three kinds only: a wait, a right password that must be changed, and all other reasons.
    """

    reason: Reason
    wait_until: datetime | None = None
