"""A secret that changed on the Bnum after the enrolment: who finds out, and what the agent does then."""

from io import StringIO

from django.core.management import call_command
from django.db import connections

from cerbere.audit.models import AuditEvent
from tests.people import (
    PASSWORD,
    code_form,
)
from twofactor.otp_mel.models import OtpMelDevice

VERIFY, RENEW, REMOVE = (
    "/verification/",
    "/compte/deux-facteurs/otp-mel/confirmer/",
    "/compte/deux-facteurs/otp-mel/retirer/",
)
NEW_SECRET = "a-new-secret-of-bnum"
CHANGED = "Votre configuration Bnum a changé"


def device():
    return OtpMelDevice.objects.get(user__uid="camille.durand")


def take_from_bnum(uid="camille.durand"):
    with connections["bnum"].cursor() as cursor:
        cursor.execute("DELETE FROM dynalogin_user WHERE userid = %s", [uid])


def is_two_factor(browser):
    return "Ouverte avec deux facteurs" in browser.get("/compte/")


def renew(browser, typed, password=PASSWORD, page=RENEW):
    form = code_form(browser.get(page))
    form["password"], form["code"] = password, typed
    return form.submit(expect_errors=True)


def sync(**options):
    out = StringIO()
    call_command("sync_seeds", stdout=out, **options)
    return out.getvalue().strip()


def events():
    return set(AuditEvent.objects.values_list("name", flat=True))
