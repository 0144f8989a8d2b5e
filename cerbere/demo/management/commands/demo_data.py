from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from cerbere.demo import bnum
from cerbere.demo.data import add_people, register_piag
from cerbere.demo.environment import get_current_demo


class Command(BaseCommand):
    help = "Add the demo's agents and PIAG where they are missing. The demo's databases must be migrated."

    def handle(self, *_args: Any, **_options: Any) -> None:
        demo = get_current_demo()
        bnum.fill_database(demo.bnum_database)
        password = demo.choose_password()
        add_people(password, reset_passwords=password != demo.read_file("password"), now=timezone.now())
        # Not before the agents have it: if this start is interrupted, the next one resets their passwords.
        demo.write_file("password", password)
        register_piag(demo.piag_url, demo.read_file("piag_client_secret") or "")
