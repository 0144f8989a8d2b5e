"""The demo's agents and its client PIAG in Cerbère's database. A second run adds what is missing and undoes nothing."""

from datetime import datetime

from django.db import transaction

from accounts.models import Agent
from cerbere.demo.people import PEOPLE, Person
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import digest
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import get_source
from twofactor.strength import Strength


@transaction.atomic
def add_people(password: str, reset_passwords: bool, now: datetime) -> None:
    """Create the agents that are missing; if `reset_passwords`, give the existing ones this password too."""
    existing = {agent.uid: agent for agent in Agent.objects.all()}
    for person in PEOPLE:
        if person.uid not in existing:
            _create_agent(person, password, now)
        elif reset_passwords:
            existing[person.uid].set_password(password)
            existing[person.uid].save(update_fields=["password"])


def _create_agent(person: Person, password: str, now: datetime) -> None:
    agent = Agent.objects.create_user(
        person.uid, password, email=person.email, given_name=person.given_name, family_name=person.family_name,
        organizational_unit=person.organizational_unit, siret=person.siret, is_superuser=person.is_superuser,
        is_staff=person.is_superuser,
    )  # fmt: skip
    if person.enrolled:
        _, seed = get_source().look_up(person.uid)
        assert seed is not None
        device = OtpMelDevice(user=agent)
        device.set_seed(seed)
        device.confirm(now)


def register_piag(url: str, secret: str) -> None:
    """Register PIAG at this URL as a client that demands two factors.

    URIs that were added to the client by hand are kept as long as PIAG's URL stays the same.
    """
    client, _ = Client.objects.get_or_create(
        client_id="piag", defaults={"name": "PIAG", "minimum": Strength.TWO_FACTOR, "secret_digest": digest(secret)}
    )
    callback = f"{url}/oidc/callback/"
    if callback not in client.redirect_uris:
        client.redirect_uris, client.post_logout_redirect_uris = [callback], [f"{url}/"]
        client.home_uri, client.backchannel_logout_uri = f"{url}/", f"{url}/oidc/backchannel-logout/"
    client.secret_digest = digest(secret)
    client.full_clean()
    client.save()
