from collections.abc import Iterator
from typing import Any, BinaryIO

from django.core.management.base import CommandError

from accounts.agent_imports.agent_lines import BadHeader
from accounts.agent_imports.import_agents import import_agents
from cerbere.core.imports.command import ImportCommand
from cerbere.core.imports.report import LineVerdict


class Command(ImportCommand):
    help = """\
Make and change agents from CSV. Without --apply nothing is written.

FILE is UTF-8 text (comma or semicolon) whose first line names its columns: uid, and some of email, given_name,
family_name, usual_name, organizational_unit, siret, phone_number, mailbox, directory_id (docs/imports.md: their other
names). A column that is not there is left alone. There is no password column: agents sign in through the directory, or
an administrator gives them one.
Each line gets a verdict: line number, uid, verdict, and the fields that change.
"""

    def import_file(self, file: BinaryIO, options: dict[str, Any]) -> Iterator[list[LineVerdict]]:
        try:
            yield from import_agents(file, options["apply"])
        except BadHeader as error:
            raise CommandError(str(error)) from None
