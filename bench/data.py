"""Fills Cerbère's database: agents who all have OTP Mél, and two clients. `python -m bench.data`, with its settings."""

import os

import django

AGENTS = 3000
PASSWORD = "correct cheval pile agrafe"
CLIENT_SECRET = "the-secret-of-both-clients-of-the-bench"
OTP_SECRET = "12345678901234567890"


def main() -> None:
    from django.contrib.auth.hashers import make_password
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Agent
    from twofactor.otp_mel.models import OtpMelDevice

    hashed, now = make_password(PASSWORD), timezone.now()
    agents = Agent.objects.bulk_create(
        Agent(uid=f"agent{n:05}", email=f"agent{n:05}@example.fr", given_name="Agent", family_name=f"N° {n}",
              organizational_unit="DNUM/MSP", siret="11006801200050", password=hashed)
        for n in range(AGENTS)
    )  # fmt: skip
    devices = [OtpMelDevice(user=agent, confirmed=True, confirmed_at=now) for agent in agents]
    for device in devices:
        device.set_seed(OTP_SECRET.encode())
    OtpMelDevice.objects.bulk_create(devices)
    make_clients()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def make_clients() -> None:
    from bench.flows import CALLBACK
    from cerbere.provider.clients.models import Client
    from cerbere.provider.hashes import digest
    from twofactor.strength import Strength

    for client_id, minimum in (("bench", Strength.PASSWORD), ("bench-code", Strength.TWO_FACTOR)):
        Client.objects.create(
            client_id=client_id, name=client_id, minimum=minimum, redirect_uris=[CALLBACK],
            secret_digest=digest(CLIENT_SECRET),
        )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
    django.setup()
    main()
