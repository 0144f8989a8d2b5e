"""PIAG's program while coverage is measured: granian's threads are not Python's, so that nobody else traces them."""

import sys
import threading

from piag_gateway import wsgi

THREADS = wsgi.THREADS


def application(environ, start_response):
    if sys.gettrace() is None:
        sys.settrace(threading.gettrace())
    return wsgi.application(environ, start_response)
