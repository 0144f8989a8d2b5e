from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cerbere.provider.clients.models import Client
from cerbere.provider.clients.registration import FileError, apply_changes, plan_changes


class Command(BaseCommand):
    help = "Bring the applications to what a reviewed TOML file says; shows the difference, changes it with --apply"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            changes = plan_changes(options["file"].read_bytes())
        except (OSError, FileError) as error:
            raise CommandError(str(error)) from error
        for change in changes:
            self.stdout.write("\n".join(change.format_lines()))
        client_ids = [change.client.client_id for change in changes]
        for other in Client.objects.exclude(client_id__in=client_ids).order_by("client_id"):
            self.stdout.write(f"? {other.client_id} (not in the file, left as it is)")
        if not options["apply"]:
            self.stdout.write("Nothing was changed; --apply does it.")
            return
        for client_id, secret in apply_changes(changes).items():
            self.stdout.write(f"client_id={client_id}\nclient_secret={secret}")
