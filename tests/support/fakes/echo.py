"""A program for the server's tests: tells the request as WSGI handed it over, or waits, or fails."""

import json
import os
import time
from pathlib import Path

THREADS = 8
READY = os.environ.get("ECHO_READY", __file__)  # a file: /readyz is not 200 while there is none
REQUEST = (
    "REMOTE_ADDR",
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
)


def application(environ, start_response):
    path, length = environ["PATH_INFO"], environ.get("CONTENT_LENGTH")
    if path == "/wait":
        time.sleep(float(environ["QUERY_STRING"]))
    if path == "/readyz" and not Path(READY).exists():
        start_response("302 Found", [("Location", "/elsewhere"), ("Content-Length", "0")])
        return []
    if path == "/304":
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []
    reads = path == "/read" or environ["QUERY_STRING"] == "read"
    body = environ["wsgi.input"].read(*([int(length)] if length else [])) if reads else b""
    told = {name: environ[name] for name in environ if name in REQUEST or name.startswith(("HTTP_", "wsgi.url"))}
    answer = json.dumps(told | {"body": body.decode("latin-1"), "pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
