from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cerbere.audit.events import Event
from cerbere.audit.record import record
from cerbere.provider.claims import CLAIMS
from cerbere.provider.models import Client
from twofactor.strength import Strength

MINIMUM = {"eidas1": Strength.PASSWORD, "eidas2": Strength.TWO_FACTOR}


class Command(BaseCommand):
    help = "Register an application; prints client_id=… and, this once, client_secret=…"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("client_id")
        parser.add_argument("--name", help="what agents read; the client_id by default")
        parser.add_argument("--redirect-uri", action="append", required=True, help="exact, repeatable")
        parser.add_argument("--post-logout-redirect-uri", action="append", default=[])
        parser.add_argument("--backchannel-logout-uri", default="")
        parser.add_argument("--minimum", choices=MINIMUM, default="eidas1")
        parser.add_argument("--pkce", choices=["required", "optional"], default="required")
        parser.add_argument("--alg", choices=["RS256", "ES256"], default="RS256")
        parser.add_argument("--claim", action="append", default=[], choices=sorted(CLAIMS), help="all by default")

    def handle(self, *_args: Any, **options: Any) -> None:
        client = Client(
            client_id=options["client_id"], name=options["name"] or options["client_id"],
            redirect_uris=options["redirect_uri"], post_logout_redirect_uris=options["post_logout_redirect_uri"],
            backchannel_logout_uri=options["backchannel_logout_uri"], minimum=MINIMUM[options["minimum"]],
            pkce_required=options["pkce"] == "required", id_token_alg=options["alg"], claims=options["claim"],
        )  # fmt: skip
        secret = client.renew_secret()
        try:
            client.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        client.save()
        record(Event.CLIENT_REGISTERED, client_id=client.client_id)
        self.stdout.write(f"client_id={client.client_id}\nclient_secret={secret}")
