"""A secret that changed on the Bnum after the enrolment: who finds out, and what the agent does then."""

from django.db import connections

from cerbere.audit.models import AuditEvent
from tests.support.commands import run_command
from tests.support.people import (
    PASSWORD,
    code_form,
)

VERIFY, RENEW, REMOVE = (
    "/verification/",
    "/compte/deux-facteurs/otp-mel/confirmer/",
    "/compte/deux-facteurs/otp-mel/retirer/",
)
NEW_SECRET = "a-new-secret-of-bnum"
CHANGED = "Votre configuration Bnum a changé"


def take_from_bnum(uid="camille.durand"):
    with connections["bnum"].cursor() as cursor:
        cursor.execute("DELETE FROM dynalogin_user WHERE userid = %s", [uid])


def renew(browser, typed, password=PASSWORD, page=RENEW):
    form = code_form(browser.get(page))
    form["password"], form["code"] = password, typed
    return form.submit(expect_errors=True)


def sync(**options):
    return run_command("sync_seeds", **options).strip()


def events():
    return set(AuditEvent.objects.values_list("name", flat=True))
