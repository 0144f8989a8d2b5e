"""The parts that the commands which import a file have in common."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from cerbere.core.imports.report import LineVerdict, WriteVerdicts, open_verdict_file, show_progress


class ImportCommand(BaseCommand):
    """A dry run unless --apply; one verdict a line, then the counts."""

    def import_file(self, file: BinaryIO, options: dict[str, Any]) -> Iterator[list[LineVerdict]]:
        """Yield the verdicts of one batch after the other, each written if options["apply"]."""
        raise NotImplementedError

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- for the standard input")
        parser.add_argument("--apply", action="store_true", help="write; a dry run otherwise")
        parser.add_argument("--verdicts", metavar="NEW_FILE", help="write the verdicts there too, as CSV, mode 0600")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            with (
                open_binary(options["file"]) as file,
                open_verdict_file(options["verdicts"]) as write_verdicts,
                show_progress() as advance,
            ):
                counts = self._print_verdicts(self.import_file(file, options), write_verdicts, advance)
        except OSError as error:
            raise CommandError(f"{error.filename or options['file']}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{options['file']}: not UTF-8 text") from None
        self._print_counts(counts, options["apply"])

    def _print_verdicts(
        self,
        batches: Iterator[list[LineVerdict]],
        write_verdicts: WriteVerdicts,
        advance: Callable[[int], object],
    ) -> Counter[str]:
        counts: Counter[str] = Counter()
        for batch in batches:
            write_verdicts(batch)
            counts.update(line.verdict for line in batch)
            with tqdm.external_write_mode(file=sys.stdout):
                self.stdout.write("\n".join(map(str, batch)))
            advance(len(batch))
        return counts

    def _print_counts(self, counts: Counter[str], is_applied: bool) -> None:
        self.stdout.write(", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items())) or "no line")
        if not is_applied:
            self.stdout.write("Dry run: nothing was written. --apply writes.")


@contextmanager
def open_binary(file: str) -> Iterator[BinaryIO]:
    """Yield the bytes of this file, or of the standard input for « - »."""
    with open(sys.stdin.fileno() if file == "-" else Path(file), "rb", closefd=file != "-") as stream:
        yield stream
