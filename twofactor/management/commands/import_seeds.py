from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from cerbere.core.imports.command import ImportCommand
from cerbere.core.imports.report import LineVerdict
from twofactor.secret_encodings import ENCODINGS
from twofactor.seed_formats import AUTO, FORMATS, BadFile, Options, read_entries
from twofactor.seed_formats.entry import ISSUERS
from twofactor.seed_formats.pskc_values import parse_psk
from twofactor.seeds.import_seeds import import_seeds
from twofactor.seeds.sealing import SeedKeyError, parse_keys

DESCRIPTION = """\
Import the Bnum's secrets for CERBERE_MELOTP_SOURCE=imported. Without --apply nothing is written.

FILE is CSV whose first line names the columns uid, secret and perhaps encoding; otpauth://totp/Bnum:<uid>?… addresses,
one a line; or another format of docs/imports.md.
Each line gets a verdict: line number or rank, uid, verdict. No secret is shown, and no uid of an agent that does not
exist.
"""


class Command(ImportCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--format", choices=[AUTO, *FORMATS], default=AUTO, help="by default what the file's beginning looks like"
        )
        parser.add_argument(
            "--encoding", choices=ENCODINGS, default=settings.MELOTP_ENCODING,
            help="of CSV and dynalogin secrets whose line names none; by default CERBERE_MELOTP_ENCODING (%(default)s)",
        )  # fmt: skip
        parser.add_argument("--psk-file", metavar="KEY_FILE", help="the PSKC file's AES key, in hexadecimal")
        parser.add_argument(
            "--issuer", action="append", default=[], metavar="NAME",
            help=f"a name that secrets may be issued under, besides {', '.join(sorted(ISSUERS))}; may be repeated",
        )  # fmt: skip

    def import_file(self, file: BinaryIO, options: dict[str, Any]) -> Iterator[list[LineVerdict]]:
        try:
            parse_keys(settings.SEED_KEYS)
            read_options = Options(
                options["encoding"], ISSUERS | set(options["issuer"]), _read_psk(options["psk_file"])
            )
            yield from import_seeds(
                read_entries(file, options["format"], read_options), timezone.now(), options["apply"]
            )
        except SeedKeyError as error:
            raise CommandError(f"CERBERE_SEED_KEYS cannot be used: {error}") from None
        except BadFile as error:
            raise CommandError(str(error)) from None


def _read_psk(file: str | None) -> bytes | None:
    if not file:
        return None
    try:
        return parse_psk(Path(file).read_text(encoding="ascii"))
    except ValueError:
        raise CommandError(f"{file}: the pre-shared key must be 32 or 64 hexadecimal digits") from None
