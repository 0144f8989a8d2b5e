"""Fill the empty database of a tree: agents who all have OTP Mél, and the clients of a file, whose secrets it prints.

    python - AGENTS PASSWORD OTP_SECRET CLIENTS_FILE < bench/fill.py

runs in the tree, by its own Python. Models are named by their labels, which stay when modules move.
"""

import json
import sys
from io import StringIO

import django
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection
from django.utils import timezone


def make_agents(count: int, password: str, otp_secret: str) -> None:
    agent_model, device_model = apps.get_model("accounts", "Agent"), apps.get_model("twofactor", "OtpMelDevice")
    hashed, now = make_password(password), timezone.now()
    agents = agent_model.objects.bulk_create(
        agent_model(uid=f"agent{n:05}", email=f"agent{n:05}@example.fr", given_name="Agent", family_name=f"N° {n}",
                    organizational_unit="DNUM/MSP", siret="11006801200050", password=hashed)
        for n in range(count)
    )  # fmt: skip
    devices = [device_model(user=agent, confirmed=True, confirmed_at=now) for agent in agents]
    for device in devices:
        device.seal(otp_secret.encode())
    device_model.objects.bulk_create(devices)


def make_clients(file: str) -> dict[str, str]:
    """Return the secrets that `apply_clients` prints, by client_id."""
    output = StringIO()
    call_command("apply_clients", file, apply=True, stdout=output)
    pairs = [line.partition("=")[::2] for line in output.getvalue().splitlines()]
    names = [value for name, value in pairs if name == "client_id"]
    return dict(zip(names, [value for name, value in pairs if name == "client_secret"], strict=True))


def main(agents: str, password: str, otp_secret: str, clients_file: str) -> None:
    django.setup()
    make_agents(int(agents), password, otp_secret)
    print(json.dumps(make_clients(clients_file)))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main(*sys.argv[1:])
