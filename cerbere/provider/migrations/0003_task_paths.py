"""Mails and logout notices that wait in the queue during the upgrade are sent: their tasks have new names."""

from django.db import migrations

NEW_PATHS = {
    "accounts.notices.send": "accounts.notices.send_notice",
    "cerbere.provider.logout_notices.send": "cerbere.provider.logout.back_channel.send_logout_notice",
}


def rename_tasks(apps, schema_editor):
    tasks = apps.get_model("django_tasks_database", "DBTaskResult").objects.using(schema_editor.connection.alias)
    for old, new in NEW_PATHS.items():
        tasks.filter(task_path=old).update(task_path=new)


class Migration(migrations.Migration):

    dependencies = [
        ("provider", "0002_leaner_indexes"),
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]

    operations = [
        migrations.RunPython(rename_tasks, migrations.RunPython.noop),
    ]
