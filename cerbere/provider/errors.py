"""Errors of the protocol: the public text is for the application's developer, details go to the audit log."""

from collections.abc import Mapping

RETRY_AFTER = 300  # seconds, after which some of the parked requests have expired


class OAuthError(Exception):
    """An error that the client receives (RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6)."""

    status = 400
    headers: Mapping[str, str] = {}

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description

    @property
    def parameters(self) -> dict[str, str | None]:
        """Return the parameters of the error response."""
        return {"error": self.error, "error_description": self.description or None}


class PageError(OAuthError):
    """An error that is shown and never redirected, since the redirect_uri is not known to be the client's."""


class TooManyRequests(PageError):
    """Too many requests are parked for one browser (RFC 6585 §4)."""

    status = 429

    def __init__(self) -> None:
        super().__init__("too_many_requests")
        self.headers = {"Retry-After": str(RETRY_AFTER)}


class ClientError(OAuthError):
    """A failed client authentication (RFC 6749 §5.2)."""

    status = 401
    headers = {"WWW-Authenticate": 'Basic realm="cerbere", charset="UTF-8"'}

    def __init__(self, description: str = "client authentication failed") -> None:
        super().__init__("invalid_client", description)


class BearerError(OAuthError):
    """A missing or unusable access token (RFC 6750 §3.1); `error` is empty when none was sent."""

    status = 401

    def __init__(self, error: str = "", description: str = "") -> None:
        super().__init__(error, description)
        detail = f' error="{error}", error_description="{description}"' if error else ' realm="cerbere"'
        self.headers = {"WWW-Authenticate": f"Bearer{detail}"}
