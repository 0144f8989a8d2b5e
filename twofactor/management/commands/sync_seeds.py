from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from twofactor.otp_mel.sync_seeds import Finding, TooManyChanges, sync_seeds
from twofactor.sources import SourceUnavailable


class Command(BaseCommand):
    help = (
        "Compare every active OTP Mél with the Bnum's secrets. A method whose secret was renewed or withdrawn there "
        "accepts no code until the agent confirms the new one. Run it each hour, or more often: that long a lost "
        "phone whose secret was renewed goes on giving codes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="write even if very many secrets have changed")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            counts = sync_seeds(timezone.now(), options["force"])
        except SourceUnavailable:
            raise CommandError("the source does not answer: run it again") from None
        except TooManyChanges:
            raise CommandError(
                "too many secrets differ at once: nothing was written. Check the source and its encoding, "
                "or use --force if they were all renewed"
            ) from None
        self.stdout.write(", ".join(f"{finding}: {count}" for finding, count in sorted(counts.items())) or "no method")
        if counts[Finding.UNUSABLE]:
            raise CommandError(f"{counts[Finding.UNUSABLE]} could not be compared: the log names the reasons")
