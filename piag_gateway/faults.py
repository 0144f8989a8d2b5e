"""The reasons why a sign-in cannot be completed. Each class has its page; the reason itself goes to the log only."""


class Fault(Exception):
    """`reason` is a short name for operators, never a token, a code or a value that was received."""

    status = 403
    template = "piag/faults/refused.html"
    retry_after: int | None = None  # seconds

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenRefused(Fault):
    """A token or a response is invalid: forged, expired, or for another client (OpenID Connect Core §3.1.3.7)."""


class TooWeak(Fault):
    """The ID token is valid, but its `acr` is below two factors."""

    template = "piag/faults/too_weak.html"


class TooOld(TokenRefused):
    """The last authentication is older than MAX_AGE, or of unknown age: Cerbère must authenticate the agent again."""


class AccountClosed(Fault):
    """PIAG's operator has closed this account."""

    template = "piag/faults/closed.html"


class Declined(Fault):
    """Cerbère or the agent has refused the authorization: access_denied and similar errors (RFC 6749 §4.1.2.1)."""

    template = "piag/faults/declined.html"


class Interrupted(Fault):
    """The agent came back without a code, with one that is no longer valid, or to a session that has ended."""

    status = 400
    template = "piag/faults/interrupted.html"


class ProviderFault(Fault):
    """Cerbère's response cannot be used. Trying again at once would not help."""

    status = 502
    template = "piag/faults/provider.html"
    retry_after = 60


class ProviderUnavailable(ProviderFault):
    """Cerbère does not respond, or responds that it is temporarily unavailable."""

    status = 503
    retry_after = 30
