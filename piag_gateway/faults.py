"""Why a sign-in cannot go on. The page has words of its own for each kind; the reason goes to the log only."""


class Fault(Exception):
    """`reason` is a short name for operators: never a token, a code or what somebody sent."""

    status = 403
    template = "piag/faults/refused.html"
    retry_after: int | None = None  # seconds

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenRefused(Fault):
    """Cerbère's answer does not hold: forged, expired, for somebody else (OpenID Connect Core §3.1.3.7)."""


class TooWeak(Fault):
    """The ID token is genuine and proves less than two factors."""

    template = "piag/faults/too_weak.html"


class TooOld(TokenRefused):
    """The last authentication is older than PIAG allows: it must be asked again, with max_age."""


class AccountClosed(Fault):
    """PIAG's operator has closed this account."""

    template = "piag/faults/closed.html"


class Declined(Fault):
    """Cerbère, or the agent there, has said no: access_denied and its kin (RFC 6749 §4.1.2.1)."""

    template = "piag/faults/declined.html"


class Interrupted(Fault):
    """The sign-in came back without a code, or with one that is no longer worth anything."""

    status = 400
    template = "piag/faults/interrupted.html"


class ProviderFault(Fault):
    """Cerbère has answered, and the answer is of no use: trying again at once does not help."""

    status = 502
    template = "piag/faults/provider.html"
    retry_after = 60


class ProviderUnavailable(ProviderFault):
    """Cerbère does not answer, or says that it cannot for the moment."""

    status = 503
    retry_after = 30
