from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why nobody was signed in, or no password changed: for the journal, in docs/audit.md's words."""

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
class Refused:
    """Pages tell three kinds apart: `wait_until` when too many passwords were tried, a right password that must
    be changed, and all the rest, which is one answer.
    """

    reason: Reason
    wait_until: datetime | None = None
