import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cerbere.provider.claims import CLAIMS
from cerbere.provider.clients.public_keys import validate_public_keys
from cerbere.provider.clients.registration import FIELDS, MINIMUM, FileError, apply_changes, plan_new_client


class Command(BaseCommand):
    help = "Register an application; prints client_id=… and, this once, client_secret=…, which one with --jwks has not"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options, whose `dest` are fields of the client."""
        parser.add_argument("client_id")
        parser.add_argument("--name", help="what agents read; the client_id by default")
        uris: dict[str, Any] = {"action": "append", "metavar": "URI"}
        parser.add_argument("--redirect-uri", dest="redirect_uris", **uris, required=True, help="exact, repeatable")
        parser.add_argument("--post-logout-redirect-uri", dest="post_logout_redirect_uris", **uris)
        parser.add_argument("--backchannel-logout-uri", metavar="URI")
        parser.add_argument("--minimum", choices=MINIMUM)
        parser.add_argument("--pkce", choices=["required", "optional"], default="required")
        parser.add_argument("--alg", dest="id_token_alg", choices=["RS256", "ES256"])
        parser.add_argument("--claim", dest="claims", action="append", choices=sorted(CLAIMS), help="all by default")
        parser.add_argument("--refresh-tokens", action="store_true", help="for clients that go on without the agent")
        parser.add_argument("--userinfo-alg", choices=["RS256", "ES256"], help="signs userinfo; JSON by default")
        parser.add_argument("--jwks", type=Path, metavar="FILE", help="public keys, for private_key_jwt")

    def handle(self, *_args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in FIELDS if options.get(name)}
        wanted["pkce_required"] = options["pkce"] == "required"
        try:
            if options["jwks"]:
                wanted["jwks"] = _read_public_keys(options["jwks"])
            registered = plan_new_client(options["client_id"], wanted)
        except FileError as error:
            raise CommandError(str(error)) from error
        secret = apply_changes([registered]).get(registered.client.client_id)
        self.stdout.write(f"client_id={registered.client.client_id}" + (f"\nclient_secret={secret}" if secret else ""))


def _read_public_keys(path: Path) -> Any:
    """Return the public keys of a file. Raises FileError, also for an empty key set."""
    try:
        jwks = json.loads(path.read_bytes())
        validate_public_keys(jwks)
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: {error}") from error
    except ValidationError as error:
        raise FileError(f"{path}: {'; '.join(error.messages)}") from error
    return jwks
