from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import Agent
from twofactor.codes import compute_code, get_step
from twofactor.sources import SourceUnavailable, get_source


class Command(BaseCommand):
    help = "Print the six digits that this agent's phone shows now, entry « Bnum »."
    requires_system_checks = []  # they take a while, and a code lasts 30 seconds

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("login")

    def handle(self, *_args: Any, login: str, **_options: Any) -> None:
        agent = Agent.objects.find_by_login(login)
        if agent is None:
            raise CommandError(f"identifiant inconnu : {login}")
        try:
            state, seed = get_source().look_up(agent.uid)
        except SourceUnavailable as error:
            raise CommandError("la base du Bnum ne répond pas") from error
        if seed is None:
            raise CommandError(f"{agent.uid} n’a pas d’entrée utilisable sur le Bnum ({state})")
        self.stdout.write(compute_code(seed, get_step(timezone.now())))
