"""Discovery and keys before Django: the same for everybody, asked by every application at each of its starts."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from cerbere.provider.keys.ring import LOOK_EVERY

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environment, StartResponse], Iterable[bytes]]
Asked = tuple[str | None, ...]  # all of a request that such an answer depends on
PATHS = ("/.well-known/openid-configuration", "/oidc/jwks")
ELSEWHERE = ("QUERY_STRING", "HTTP_IF_NONE_MATCH")  # a request with one of these is rare: Django answers it
KEPT_AT_MOST = 16  # answers; names of ours with any port are as many as somebody likes to make up


@dataclass(frozen=True)
class Answer:
    headers: list[tuple[str, str]]
    body: list[bytes]
    until: float  # by the monotonic clock


class Published:
    """Gives again, for LOOK_EVERY seconds, what Django has answered, under a request id that no log holds."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.kept: dict[Asked, Answer] = {}

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in PATHS or environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, ELSEWHERE)):
            return self.application(environ, start_response)
        names = ("PATH_INFO", "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme")
        asked = tuple(map(environ.get, names))
        answer = self.kept.get(asked)
        if answer is None or monotonic() >= answer.until:
            return self._ask(environ, start_response, asked)
        start_response("200 OK", [*answer.headers, ("X-Request-ID", secrets.token_hex(16))])
        return answer.body

    def _ask(self, environ: Environment, start_response: StartResponse, asked: Asked) -> Iterable[bytes]:
        told: list[Any] = []

        def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            told[:] = [status, [pair for pair in headers if pair[0] != "X-Request-ID"]]
            return start_response(status, headers, *error)

        response = self.application(environ, started)
        if told[0] == "200 OK":
            if len(self.kept) >= KEPT_AT_MOST:
                self.kept.clear()
            self.kept[asked] = Answer(told[1], list(response), monotonic() + LOOK_EVERY)
        return response
