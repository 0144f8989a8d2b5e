from typing import Any

from django.core.management.base import BaseCommand, CommandError

from twofactor.otp_mel.reseal_seeds import count_left_to_reseal, reseal_seeds


class Command(BaseCommand):
    help = (
        "Seal every secret anew with the first of CERBERE_SEED_KEYS, so that an older key may be taken out. "
        "In batches, beside running nodes; run it again after an interruption."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        sealed = unopened = 0
        for sealed_in_batch, unopened_in_batch in reseal_seeds():
            sealed, unopened = sealed + sealed_in_batch, unopened + unopened_in_batch
            self.stdout.write(f"{sealed} sealed anew")
        left = count_left_to_reseal()
        self.stdout.write(f"sealed anew: {sealed}, left: {left}")
        if left:
            raise CommandError(
                f"{unopened} secrets do not open with any key (the log names the rows), {left - unopened} were in use: "
                "run it again, and keep the older keys until nothing is left"
            )
