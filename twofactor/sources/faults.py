"""Checks of a source's settings: a fault stops the start, with one line each."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings

from cerbere.env import is_loopback
from twofactor.sources.database import COLUMN, TABLE
from twofactor.sources.exchange import Endpoint, make_tls_context
from twofactor.sources.webservice import Operation

Fault = tuple[str, str]
SCHEMES = {"dynalogind": ("tls", "tcp"), "webservice": ("https", "http"), "http": ("https", "http")}
VISIBLE = re.compile(r"[!-~]*")  # the characters that a header or a request line may hold


def find_source_faults() -> Iterator[Fault]:
    """Yield the name of a setting and its fault, for each fault. No value is quoted."""
    yield from _find_name_faults()
    if settings.MELOTP_SOURCE == "database" and not settings.MELOTP_DATABASE_URL:
        yield "CERBERE_MELOTP_DATABASE_URL", "is missing: the Bnum's database, or another CERBERE_MELOTP_SOURCE"
    if settings.MELOTP_SOURCE in SCHEMES:
        yield from _find_url_faults(*SCHEMES[settings.MELOTP_SOURCE])
        yield from _find_certificate_faults()
    if settings.MELOTP_SOURCE == "http":
        yield from _find_http_faults()
    if settings.MELOTP_SOURCE == "webservice":
        yield from _find_webservice_faults()


def _find_name_faults() -> Iterator[Fault]:
    if not TABLE.fullmatch(settings.MELOTP_TABLE):
        yield "CERBERE_MELOTP_TABLE", "is not the name of a table"
    for name, column in settings.MELOTP_COLUMNS.items():
        if not COLUMN.fullmatch(column):
            yield f"CERBERE_MELOTP_COLUMN_{name.upper()}", "is not the name of a column"


def _find_url_faults(secure: str, plain: str) -> Iterator[Fault]:
    if not _is_endpoint_url(settings.MELOTP_URL, (secure, plain)):
        yield "CERBERE_MELOTP_URL", f"is missing, or not an address such as {secure}://bnum.example.fr"
    elif urlsplit(settings.MELOTP_URL).scheme == plain and not is_loopback(settings.MELOTP_URL):
        yield "CERBERE_MELOTP_URL", f"must be {secure} outside this machine"


def _is_endpoint_url(url: str, schemes: tuple[str, str]) -> bool:
    """Return whether this URL can be used: without a user, whose password would be in logs; a path with HTTP only."""
    try:
        Endpoint.parse(url)
    except ValueError:
        return False
    parts = urlsplit(url)
    bare = "@" not in parts.netloc and not parts.fragment and VISIBLE.fullmatch(url) is not None
    return parts.scheme in schemes and bare and ("http" in schemes or not (parts.path or parts.query))


def _find_certificate_faults() -> Iterator[Fault]:
    if not _can_load(settings.MELOTP_CA, ""):
        yield "CERBERE_MELOTP_CA", "holds no certificates in PEM"
    if settings.MELOTP_CLIENT_CERTIFICATE and not settings.MELOTP_CLIENT_CERTIFICATE_FILE:
        yield "CERBERE_MELOTP_CLIENT_CERTIFICATE", "must be given as CERBERE_MELOTP_CLIENT_CERTIFICATE_FILE"
    elif not _can_load("", settings.MELOTP_CLIENT_CERTIFICATE_FILE):
        yield "CERBERE_MELOTP_CLIENT_CERTIFICATE_FILE", "holds no certificate with its key, unencrypted, in PEM"


def _can_load(ca: str, client_certificate: str) -> bool:
    try:
        make_tls_context(ca, client_certificate)
    except (OSError, ValueError, TypeError):  # the three that ssl raises
        return False
    return True


def _find_http_faults() -> Iterator[Fault]:
    if not (settings.MELOTP_TOKEN or settings.MELOTP_CLIENT_CERTIFICATE_FILE):
        yield "CERBERE_MELOTP_TOKEN", "is missing: a token, or CERBERE_MELOTP_CLIENT_CERTIFICATE_FILE"
    if not VISIBLE.fullmatch(settings.MELOTP_TOKEN):
        yield "CERBERE_MELOTP_TOKEN", "has spaces or signs that no header may hold"
    if "?" in settings.MELOTP_URL:
        yield "CERBERE_MELOTP_URL", "must have no query: /agents/… is added to it"


def _find_webservice_faults() -> Iterator[Fault]:
    if not re.fullmatch(r"[!-~]+", settings.MELOTP_SOAP_NAMESPACE):
        yield "CERBERE_MELOTP_SOAP_NAMESPACE", "is missing, or has spaces: the targetNamespace of the WSDL"
    for name, count in (("ACTIVATED", 1), ("VALIDATE", 2)):
        if _count_arguments(getattr(settings, f"MELOTP_SOAP_{name}")) != count:
            arguments = "user" if count == 1 else "user,code"
            yield f"CERBERE_MELOTP_SOAP_{name}", f"must be written operation({arguments}) with the WSDL's names"
    if not re.fullmatch(r"[!-~]*", settings.MELOTP_SOAP_ACTION) or '"' in settings.MELOTP_SOAP_ACTION:
        yield "CERBERE_MELOTP_SOAP_ACTION", "has signs that no header may hold"
    if ":" in settings.MELOTP_USER or bool(settings.MELOTP_USER) != bool(settings.MELOTP_PASSWORD):
        yield "CERBERE_MELOTP_USER", "goes with CERBERE_MELOTP_PASSWORD, and has no colon"


def _count_arguments(signature: str) -> int:
    try:
        return len(Operation.parse(signature).arguments)
    except ValueError:
        return 0
