"""What the commands that import a file have in common."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from cerbere.core.imports.lines import Judged
from cerbere.core.imports.report import progress, verdict_file


class ImportCommand(BaseCommand):
    """A dry run unless --apply; one verdict a line, then the counts."""

    def judge(self, file: BinaryIO, options: dict[str, Any]) -> Iterator[list[Judged]]:
        """The verdicts of one batch after the other, each written if options["apply"]."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- for the standard input")
        parser.add_argument("--apply", action="store_true", help="write; a dry run otherwise")
        parser.add_argument("--verdicts", metavar="NEW_FILE", help="write the verdicts there too, as CSV, mode 0600")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with opened(options["file"]) as file, verdict_file(options["verdicts"]) as write, progress() as advance:
                counts = self._run(self.judge(file, options), write, advance)
        except OSError as error:
            raise CommandError(f"{error.filename or options['file']}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{options['file']}: not UTF-8 text") from None
        self._conclude(counts, options["apply"])

    def _run(self, batches: Iterator[list[Judged]], write: Any, advance: Any) -> Counter[str]:
        counts: Counter[str] = Counter()
        for batch in batches:
            write(batch)
            counts.update(judged.verdict for judged in batch)
            with tqdm.external_write_mode(file=sys.stdout):
                self.stdout.write("\n".join(map(str, batch)))
            advance(len(batch))
        return counts

    def _conclude(self, counts: Counter[str], applied: bool) -> None:
        self.stdout.write(", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items())) or "no line")
        if not applied:
            self.stdout.write("Dry run: nothing was written. --apply writes.")


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of FILE or of the standard input."""
    with open(sys.stdin.fileno() if file == "-" else Path(file), "rb", closefd=file != "-") as stream:
        yield stream
