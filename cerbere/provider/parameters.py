"""Read the parameters of a request, each once (RFC 6749 §3.1)."""

from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from cerbere.provider.errors import PageError

Parameters = dict[str, str]
FORM = "application/x-www-form-urlencoded"
NAMES_LIMIT = 200  # parameters
REQUEST_LIMIT = 16_384  # characters of all values; a request that waits is kept in the database
TOO_LONG = "the request is too long"


def query_of(request: HttpRequest) -> Parameters:
    """Every parameter of the address once (RFC 6749 §3.1). Raises PageError: nothing of another one is trusted."""
    return _single_values(request.META.get("QUERY_STRING", "").encode("latin-1"))  # as PEP 3333 carries bytes


def form_of(request: HttpRequest) -> Parameters:
    """Every parameter of a form once; of a body that is no form (RFC 6749 §3.2), none. Raises PageError."""
    try:
        return _single_values(request.body if request.content_type == FORM else b"")
    except RequestDataTooBig:
        raise PageError("invalid_request", TOO_LONG) from None


def _single_values(encoded: bytes) -> Parameters:
    try:
        pairs = parse_qsl(encoded.decode(errors="replace"), keep_blank_values=True, max_num_fields=NAMES_LIMIT)
    except ValueError:
        raise PageError("invalid_request", "the request has too many parameters") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise PageError("invalid_request", "a parameter is given more than once")
    if any("\0" in text for pair in pairs for text in pair):
        raise PageError("invalid_request", "a parameter holds a null character")
    if sum(map(len, parameters.values())) > REQUEST_LIMIT:
        raise PageError("invalid_request", TOO_LONG)
    return {name: value for name, value in parameters.items() if value}  # RFC 6749 §3.1: without a value, omitted
