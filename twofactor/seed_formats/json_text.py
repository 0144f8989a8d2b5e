"""What the JSON exports have in common. They are read whole, so they are bounded."""

import json
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import BadFile, Fault, Unusable

LENGTH = 64 * 2**20  # bytes


def load(file: BinaryIO) -> Any:
    """Raises BadFile."""
    content = file.read(LENGTH + 1)
    if len(content) > LENGTH:
        raise BadFile("the JSON file is longer than 64 MiB: export the users in several files")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise BadFile("not JSON") from None


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list, or the one object; nothing of what is neither."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def inner(value: object) -> Any:
    """JSON within a string of JSON, or what stands there without being wrapped. Raises Unusable."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Unusable(Fault.LINE) from None
