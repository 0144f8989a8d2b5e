"""Measure response times, and export them to Prometheus with the counts of the events of the audit log.

With several worker processes, PROMETHEUS_MULTIPROC_DIR names the directory in which their figures are added up.
"""

import os
from collections.abc import Callable
from functools import cache
from time import perf_counter

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_LATEST
RESPONSE_SECONDS = Histogram("cerbere_answer_seconds", "Time to answer, by view and status", ["view", "status"])


class MetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        start = perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else "none"
        _get_histogram(view, response.status_code).observe(perf_counter() - start)
        return response


@cache
def _get_histogram(view: str, status: int) -> Histogram:
    """Return the histogram of a view and a status; there are few of both, so the cache stays small."""
    return RESPONSE_SECONDS.labels(view, str(status))


def export_metrics() -> bytes:
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
