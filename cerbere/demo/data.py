"""What the demo puts into Cerbère's database. Done again it adds what is missing and undoes nothing."""

from datetime import datetime

from django.db import transaction

from accounts.models import Agent
from cerbere.demo.people import PEOPLE, Person
from cerbere.provider.clients.models import Client
from cerbere.provider.hashes import digest
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import source
from twofactor.strength import Strength


@transaction.atomic
def put_people(password: str, renewed: bool, now: datetime) -> None:
    """Agents that are missing are made; `renewed`: those that are there get this password."""
    there = {agent.uid: agent for agent in Agent.objects.all()}
    for person in PEOPLE:
        if person.uid not in there:
            _make(person, password, now)
        elif renewed:
            there[person.uid].set_password(password)
            there[person.uid].save(update_fields=["password"])


def _make(person: Person, password: str, now: datetime) -> None:
    agent = Agent.objects.create_user(
        person.uid, password, email=person.email, given_name=person.given_name, family_name=person.family_name,
        organizational_unit=person.organizational_unit, siret=person.siret, is_superuser=person.is_superuser,
        is_staff=person.is_superuser,
    )  # fmt: skip
    if person.enrolled:
        _, seed = source().look_up(person.uid)
        assert seed is not None
        device = OtpMelDevice(user=agent)
        device.take_seed(seed)
        device.confirm(now)


def put_piag(url: str, secret: str) -> None:
    """PIAG as an application at this address. Addresses that were added to it stay while it does not move."""
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
