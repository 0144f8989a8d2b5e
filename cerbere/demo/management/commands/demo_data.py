from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from cerbere.demo import bnum
from cerbere.demo.data import put_people, put_piag
from cerbere.demo.environment import current_demo


class Command(BaseCommand):
    help = "Add the demo's agents and PIAG where they are missing. The demo's databases must be migrated."

    def handle(self, *_args: Any, **_options: Any) -> None:
        demo = current_demo()
        bnum.fill(demo.bnum)
        password = demo.wanted_password()
        put_people(password, renewed=password != demo.read("password"), now=timezone.now())
        demo.write("password", password)  # last: an interrupted start is made good by the next
        put_piag(demo.piag_url, demo.read("piag_client_secret") or "")
