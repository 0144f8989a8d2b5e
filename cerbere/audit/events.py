"""What is worth a line in the journal. Grammar: subject:act[:by]; docs/audit.md explains each (a test compares)."""

from enum import StrEnum


class Event(StrEnum):
    SIGN_IN_ACCEPTED = "sign_in:accepted"
    SIGN_IN_REFUSED = "sign_in:refused"
    SIGN_OUT = "sign_out:done"
    SESSION_ENDED = "session:ended"
    PASSWORD_CHANGED = "password:changed"
    PASSWORD_CHANGE_REFUSED = "password:refused"
    SECOND_FACTOR_ACCEPTED = "second_factor:accepted"
    SECOND_FACTOR_REFUSED = "second_factor:refused"
    OTP_MEL_ADDED = "otp_mel:added"
    OTP_MEL_REMOVED = "otp_mel:removed"
    OTP_MEL_REMOVED_BY_ADMIN = "otp_mel:removed:by_admin"
    OTP_MEL_IMPORTED = "otp_mel:imported"
    SOURCE_UNAVAILABLE = "source:unavailable"
    AGENT_CHANGED_BY_ADMIN = "agent:changed:by_admin"
    AGENT_UNLOCKED_BY_ADMIN = "agent:unlocked:by_admin"
    ACCESS_REFUSED = "access:refused"
    CODE_REPLAYED = "code:replayed"
    TOKEN_ISSUED = "token:issued"
    TOKEN_REFUSED = "token:refused"
    CLIENT_REGISTERED = "client:registered"
    CLIENT_CHANGED_BY_ADMIN = "client:changed:by_admin"
    LOGOUT_BY_CLIENT = "logout:by_client"
