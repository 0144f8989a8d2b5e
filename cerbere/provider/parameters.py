"""Read the parameters of a request, each once (RFC 6749 §3.1)."""

from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from cerbere.provider.errors import PageError

Parameters = dict[str, str]
FORM = "application/x-www-form-urlencoded"
PARAMETERS_LIMIT = 200  # parameters
REQUEST_LIMIT = 16_384  # characters of all values, since parked requests are stored in the database
TOO_LONG = "the request is too long"


def read_query(request: HttpRequest) -> Parameters:
    """Return the parameters of the query, each given once (RFC 6749 §3.1). Raises PageError."""
    return _parse_single_values(request.META.get("QUERY_STRING", "").encode("latin-1"))  # PEP 3333 carries bytes so


def read_form(request: HttpRequest) -> Parameters:
    """Return the parameters of a form, each given once; an empty dictionary for any other body. Raises PageError."""
    try:
        return _parse_single_values(request.body if request.content_type == FORM else b"")
    except RequestDataTooBig:
        raise PageError("invalid_request", TOO_LONG) from None


def _parse_single_values(encoded: bytes) -> Parameters:
    try:
        pairs = parse_qsl(encoded.decode(errors="replace"), keep_blank_values=True, max_num_fields=PARAMETERS_LIMIT)
    except ValueError:
        raise PageError("invalid_request", "the request has too many parameters") from None
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise PageError("invalid_request", "a parameter is given more than once")
    if any("\0" in text for pair in pairs for text in pair):
        raise PageError("invalid_request", "a parameter holds a null character")
    if sum(map(len, parameters.values())) > REQUEST_LIMIT:
        raise PageError("invalid_request", TOO_LONG)
    return {name: value for name, value in parameters.items() if value}  # empty means omitted (RFC 6749 §3.1)
