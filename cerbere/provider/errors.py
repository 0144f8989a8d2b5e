"""Errors of the protocol: the public text is for the application's developer, details go to the journal."""


class OAuthError(Exception):
    """An error answer (RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6)."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class PageError(OAuthError):
    """An error before client and redirect_uri are known to belong together: never redirected."""
