from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.directory import DirectoryUnavailable
from accounts.directory.sync_directory import TooManyToClose, sync_directory
from cerbere.audit.events import Event
from cerbere.audit.record import record

DESCRIPTION = """\
Bring the agents who come from the directory up to date, and close those who are not in it any more.

Prints one line of counts. Fails, and closes nobody, when the directory does not answer or too many agents have gone.
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="close however many agents have gone")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DIRECTORY:
            raise CommandError("CERBERE_LDAP_URL is not set: there is no directory")
        try:
            counts = sync_directory(timezone.now(), options["force"])
        except DirectoryUnavailable as error:
            record(Event.DIRECTORY_UNAVAILABLE)
            raise CommandError(f"the directory does not answer as it should ({error}): nobody was closed") from None
        except TooManyToClose as error:
            raise CommandError(f"{error} agents are not in the directory: nobody was closed; --force closes") from None
        self.stdout.write(", ".join(f"{outcome}: {count}" for outcome, count in sorted(counts.items())) or "no agent")
