"""Management commands, as an operator runs them."""

from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command


class Terminal(StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def run_command(command: str, *arguments: str, **options: Any) -> str:
    """Run the command and return what it printed."""
    out = StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


def import_content(command: str, file: Path, content: str | bytes, *options: str) -> list[str]:
    """Write the content to the file, import it by this command and return the lines of the answer."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run_command(command, str(file), *options).splitlines()
