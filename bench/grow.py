"""Fills a database as some years would: 100 000 more agents, 1 000 000 grants of other days.

    .venv/bin/python -m bench.run --grown --only sso

puts it beside the small one and tells at the end how long `manage.py purge` takes to empty it.
"""

import os
from typing import Any

import django

AGENTS, GRANTS = 100_000, 1_000_000
NEW_UUID = "gen_random_uuid()"


def main() -> None:
    from django.db import connection

    from accounts.models import Agent
    from cerbere.provider.tokens.models import Grant
    from twofactor.otp_mel.models import OtpMelDevice

    one_grant()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(*copies(Agent, AGENTS, uid="'old' || n", email="'old' || n || '@example.fr'", uuid=NEW_UUID))
        first = Agent.objects.get(uid="old1").pk
        cursor.execute(*copies(OtpMelDevice, AGENTS, user_id=f"{first} - 1 + n", uuid=NEW_UUID))
        cursor.execute(*copies(Grant, GRANTS, **old_grants(first)))
        cursor.execute("VACUUM ANALYZE")


def one_grant() -> None:
    """What the others are copies of."""
    from django.utils import timezone

    from accounts.models import Agent
    from cerbere.provider.clients.models import Client
    from cerbere.provider.tokens.models import Grant

    now = timezone.now()
    Grant.objects.create(
        client=Client.objects.get(client_id="bench"), agent=Agent.objects.earliest("pk"), code_digest="-",
        redirect_uri="http://127.0.0.1:9/callback", scope="openid profile email",
        claims={"userinfo": {}, "id_token": {}},
        strength=1, acr="eidas1", auth_time=now, created_at=now, redeemed_at=now, access_expires_at=now,
    )  # fmt: skip


def old_grants(first_agent: int) -> dict[str, str]:
    digest = "encode(sha256(('{}' || n)::bytea), 'hex')"
    return {
        "agent_id": f"{first_agent} + n %% {AGENTS}",
        "created_at": "now() - interval '2 days' - n * interval '1 second'",
        "code_digest": digest.format("code"), "access_digest": digest.format("access"),
    }  # fmt: skip


def copies(model: Any, times: int, **columns: str) -> tuple[str, list[int]]:
    """The statement that repeats the model's first row; `columns` are SQL of the number n, the rest stays."""
    names = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    values = ", ".join(columns.get(name, f'one."{name}"') for name in names)
    quoted, table = ", ".join(f'"{name}"' for name in names), model._meta.db_table
    first = f"(SELECT * FROM {table} ORDER BY id LIMIT 1) one"  # noqa: S608
    sql = f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {first}, generate_series(1, %s) n ORDER BY n"  # noqa: S608
    return sql, [times]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cerbere.settings")
    django.setup()
    main()
