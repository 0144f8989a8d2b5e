from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.keys.ring import ALGORITHMS
from cerbere.provider.keys.rotation import PUBLISHED_BEFORE, add_signing_key, replace_file


class Command(BaseCommand):
    help = "Add a signing key that is published now and signs later; drop those that no living token needs"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--alg", choices=ALGORITHMS, default="RS256")
        hours = PUBLISHED_BEFORE // timedelta(hours=1)
        parser.add_argument("--publish-hours", type=int, default=hours, help=f"before it signs; {hours} by default")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.SIGNING_KEYS_FILE:
            raise CommandError("CERBERE_SIGNING_KEYS_FILE is not set: the keys are not in a file that can be changed")
        if options["publish_hours"] < 0:
            raise CommandError("--publish-hours is 0 or more")
        path, wait, now = Path(settings.SIGNING_KEYS_FILE), timedelta(hours=options["publish_hours"]), timezone.now()
        try:
            replace_file(path, add_signing_key(path.read_text(), options["alg"], wait, now))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path}: {error}") from error
        record(Event.SIGNING_KEY_ROTATED, alg=options["alg"], activates=(now + wait).isoformat(timespec="seconds"))
        self.stdout.write(f"published now, signs from {now + wait:%Y-%m-%d %H:%M} UTC")
