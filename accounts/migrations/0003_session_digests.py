"""Sessions that live during the upgrade go on: their keys are replaced by their digests, a batch at a time."""

import hashlib

from django.db import migrations
from django.db.models.functions import Length

BATCH = 1000
DIGEST_LENGTH = 40  # a key of before has 32


def digest_keys(apps, schema_editor):
    sessions = apps.get_model("accounts", "AgentSession").objects.using(schema_editor.connection.alias)
    sessions.exclude(previous_key="").update(previous_key="")  # they serve ten seconds
    in_clear = sessions.annotate(length=Length("session_key")).exclude(length=DIGEST_LENGTH)
    while keys := list(in_clear.values_list("session_key", flat=True)[:BATCH]):
        replace(keys, schema_editor.connection)


def replace(keys, connection):
    digests = [(hashlib.sha256(key.encode()).hexdigest()[:DIGEST_LENGTH], key) for key in keys]
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE accounts_agentsession SET session_key = %s WHERE session_key = %s", digests)


class Migration(migrations.Migration):

    atomic = False  # each batch is whole, and what is done is left alone when it runs again

    dependencies = [
        ("accounts", "0002_directory_id"),
    ]

    operations = [
        migrations.RunPython(digest_keys, migrations.RunPython.noop),
    ]
