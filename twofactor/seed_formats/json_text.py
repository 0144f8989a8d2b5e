"""The parts that the JSON exports have in common. They are read as one document, so their size is bounded."""

import json
from typing import Any, BinaryIO

from twofactor.seed_formats.entry import BadFile, Fault, Unusable

LENGTH = 64 * 2**20  # bytes


def load_json(file: BinaryIO) -> Any:
    """Return the value of a JSON file. Raises BadFile."""
    content = file.read(LENGTH + 1)
    if len(content) > LENGTH:
        raise BadFile("the JSON file is longer than 64 MiB: export the users in several files")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise BadFile("not JSON") from None


def list_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, or the one object; everything else is left out."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def unwrap_json(value: object) -> Any:
    """Return the value of JSON within a string of JSON, or a value that is not wrapped. Raises Unusable."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Unusable(Fault.LINE) from None
