import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from twofactor.import_seeds import Judged, import_seeds
from twofactor.seed_lines import NoHeader
from twofactor.seeds import SeedKeyError, parse_keys
from twofactor.sources.answers import ENCODINGS

DESCRIPTION = """\
Import the Bnum's secrets for CERBERE_MELOTP_SOURCE=imported. Without --apply nothing is written.

FILE is UTF-8 text, one secret a line: CSV (comma or semicolon) whose first line names the columns uid, secret and
perhaps encoding, or otpauth://totp/Bnum:<uid>?secret=…&issuer=Bnum (always base32), or both.
Each line gets a verdict: line number, uid, verdict. No secret is shown, and no uid of an agent that does not exist.
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- for the standard input")
        parser.add_argument("--apply", action="store_true", help="write; a dry run otherwise")
        parser.add_argument(
            "--encoding", choices=ENCODINGS, default=settings.MELOTP_ENCODING,
            help="of CSV secrets whose line names none; by default CERBERE_MELOTP_ENCODING (%(default)s)",
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()
        try:
            parse_keys(settings.SEED_KEYS)
            with _opened(options["file"]) as text:
                for judged in import_seeds(text, options["encoding"], timezone.now(), options["apply"]):
                    counts[judged.verdict] += 1
                    self.stdout.write(_line(judged))
        except SeedKeyError as error:
            raise CommandError(f"CERBERE_SEED_KEYS cannot be used: {error}") from None
        except NoHeader:
            raise CommandError("the first line of CSV must name the columns uid and secret") from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{options['file']}: not UTF-8 text") from None
        self._conclude(counts, options["apply"])

    def _conclude(self, counts: Counter[str], applied: bool) -> None:
        self.stdout.write(", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items())) or "no line")
        if not applied:
            self.stdout.write("Dry run: nothing was written. --apply writes.")


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    """The text of FILE or of the standard input, as UTF-8 with or without a byte order mark."""
    with open(sys.stdin.fileno() if file == "-" else Path(file), encoding="utf-8-sig", closefd=file != "-") as text:
        yield text


def _line(judged: Judged) -> str:
    warning = " too_short" if judged.is_short else ""
    return f"{judged.number} {judged.uid or '-'} {judged.verdict}{warning}"
