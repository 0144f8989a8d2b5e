"""The administration opens to staff at two factors, and shows no secret on any page."""

import html
import re

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Agent
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client
from tests.support.admin import CHIEF_SECRET
from tests.support.people import (
    CAMILLE_SECRET,
    PASSWORD,
    Browser,
    activate_otp_mel,
    code,
    make_agent,
    make_client,
    put_on_bnum,
)
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = pytest.mark.django_db


def test_nobody_is_led_to_the_login_page_and_back(browser):
    page = browser.follow_inside(browser.get("/admin/accounts/agent/"))
    assert page.request.path == "/connexion/"
    assert page.request.GET["next"] == "/admin/accounts/agent/"


@pytest.mark.parametrize("address", ["/admin/", "/admin/accounts/agent/", "/admin/login/", "/admin/audit/auditevent/"])
def test_an_agent_who_is_not_staff_is_refused(browser, enrolled, address):
    browser.sign_in()
    browser.send_code("/verification/", code())
    assert browser.follow_inside(browser.get(address, status="*")).status_int == 403


def test_staff_by_password_alone_is_asked_for_the_code(browser):
    activate_otp_mel(make_agent("chief", is_staff=True, is_superuser=True), CHIEF_SECRET)
    browser.sign_in("chief")
    asked = browser.follow_inside(browser.get("/admin/accounts/agent/?is_active__exact=1"))
    assert asked.request.path == "/verification/"
    answer = browser.send_code(asked, code(CHIEF_SECRET))
    assert answer.location.endswith("/admin/accounts/agent/?is_active__exact=1")
    assert browser.follow_inside(answer).status_int == 200


def test_staff_without_a_method_is_led_to_add_one(browser):
    make_agent("chief", is_staff=True, is_superuser=True)
    put_on_bnum("chief", CHIEF_SECRET)
    browser.sign_in("chief")
    asked = browser.follow_inside(browser.get("/admin/"))
    assert asked.request.path == "/compte/deux-facteurs/otp-mel/"
    browser.send_code(asked, code(CHIEF_SECRET))
    assert browser.get("/admin/").status_int == 200


def test_removing_the_method_closes_the_administration_at_once(chief):
    OtpMelDevice.objects.get(user__uid="chief").remove()
    assert chief.get("/admin/").status_int == 302


@pytest.mark.parametrize("target", ["//evil.test/", "https://evil.test/"])
def test_the_login_of_the_administration_leads_nowhere_outside(browser, chief, target):
    assert "evil.test" not in browser.get("/admin/login/", {"next": target}).location
    assert chief.get("/admin/login/", {"next": target}).location.endswith("/admin/")


def test_leaving_the_administration_is_leaving_the_portal(chief):
    assert chief.get("/admin/logout/").location.endswith("/deconnexion/")


def test_a_password_is_changed_by_the_one_act_that_counts_records_and_mails(chief):
    assert chief.get("/admin/password_change/").location.endswith("/compte/mot-de-passe/")
    assert chief.get("/admin/password_change/done/").location.endswith("/compte/")


@pytest.fixture
def everything(chief, enrolled):
    """Create one row of each model that the administration shows."""
    make_client()
    return chief


def addresses():
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        yield f"{reverse(f'{name}_changelist')}?q=camille"
        yield reverse(f"{name}_add")
        for row in model._default_manager.all():
            yield reverse(f"{name}_change", args=[row.pk])
            yield reverse(f"{name}_history", args=[row.pk])


READ_ONLY = ("auditevent", "otpmeldevice", "logoutnotice", "dbtaskresult")


def test_a02_every_page_answers_and_shows_no_secret(everything):
    device = OtpMelDevice.objects.get(user__uid="camille.durand")
    secrets = {CAMILLE_SECRET, "GEZDGNBVGY3TQOJQ", device.sealed_seed, device.sealed_seed.partition(":")[2], "argon2"}
    secrets |= {Client.objects.get().secret_digest, Agent.objects.get(uid="camille.durand").password, PASSWORD}
    seen = 0
    for address in [
        *addresses(),
        "/admin/",
        "/admin/accounts/",
        "/admin/jsi18n/",
        f"/admin/twofactor/otpmeldevice/{device.pk}/retirer/",
    ]:
        page = everything.get(address, status="*")
        read_only = "/add/" in address and any(name in address for name in READ_ONLY)
        assert page.status_int == (403 if read_only else 200), address
        assert not [secret for secret in secrets if secret in page.text], address
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        seen += 1
    assert seen > 20


LOOKUPS = [
    "/admin/twofactor/otpmeldevice/?sealed_seed__startswith=test",
    "/admin/provider/client/?secret_digest__startswith=a",
    "/admin/auth/group/?user__password__startswith=argon2",
    "/admin/provider/logoutnotice/?client__grant__session__session_key__startswith=a",
    "/admin/provider/logoutnotice/?client__secret_digest__startswith=a",
    "/admin/provider/logoutnotice/?agent__password__startswith=argon2",
    "/admin/accounts/agent/?is_staff__exact=1&groups__user__password__startswith=a",
    "/admin/twofactor/otpmeldevice/?user__sessions__session_key__startswith=a",
    "/admin/accounts/agent/?password__startswith=argon2",
    "/admin/accounts/agent/?password__contains=%24",
    "/admin/accounts/agent/?sessions__session_key__startswith=a",
    "/admin/accounts/agent/?sessions__session_data__startswith=a",
    "/admin/accounts/agent/?otp_mel__sealed_seed__startswith=test",
    "/admin/twofactor/otpmeldevice/?user__password__startswith=argon2",
]


@pytest.mark.parametrize("address", LOOKUPS)
def test_a02_no_filter_tells_a_secret_letter_by_letter(everything, address):
    """A list that is longer or shorter for a guess is as good as showing the value."""
    assert everything.get(address, status="*").status_int in (302, 400)


@pytest.mark.parametrize("model", ["accounts/agent", "twofactor/otpmeldevice", "provider/client"])
def test_a02_a_secret_cannot_be_searched(everything, model):
    for secret in (CAMILLE_SECRET, "argon2", "test:", "GEZDGNBVGY3TQOJQ", Client.objects.get().secret_digest[:8]):
        found = everything.get(f"/admin/{model}/", {"q": secret}).text
        assert re.search(r"\b0 \w+", found)
        assert 'class="field-' not in found


def test_the_journal_is_read_only(chief):
    event = AuditEvent.objects.first()
    page = chief.get(f"/admin/audit/auditevent/{event.pk}/change/")
    assert 'name="_save"' not in page.text
    assert "Supprimer" not in page.text
    for act in ("add", f"{event.pk}/delete"):
        assert chief.get(f"/admin/audit/auditevent/{act}/", status="*").status_int == 403
    token = page.forms[next(iter(page.forms))]["csrfmiddlewaretoken"].value
    forged = {"csrfmiddlewaretoken": token, "agent": "nobody"}
    assert chief.post(f"/admin/audit/auditevent/{event.pk}/change/", forged, status="*").status_int == 403
    forged = {"csrfmiddlewaretoken": token, "action": "delete_selected", "_selected_action": event.pk, "post": "yes"}
    chief.post("/admin/audit/auditevent/", forged, status="*")
    assert AuditEvent.objects.filter(pk=event.pk, agent=event.agent).exists()


def test_an_event_is_found_by_the_reference_that_a_page_showed(chief, camille):
    refused = Browser().sign_in(password="wrong")
    request_id = refused.headers["X-Request-ID"]
    reference = f"{request_id[:4]}-{request_id[4:8]}".upper()
    for typed in (reference, f" {reference.lower()} ", request_id):
        found = chief.get("/admin/audit/auditevent/", {"q": typed}).text
        assert found.count('class="field-reference"') == 1
        assert reference in found
    assert 'class="field-reference"' not in chief.get("/admin/audit/auditevent/", {"q": "0000-0000"}).text


def test_the_journal_is_filtered_by_event(chief):
    page = chief.get("/admin/audit/auditevent/?name=second_factor%3Aaccepted")
    assert "second_factor:accepted</" in page.text
    assert '<td class="field-name">sign_in:accepted' not in page.text


def test_the_notices_that_never_arrived_can_be_listed(chief):
    page = chief.get("/admin/provider/logoutnotice/")
    for link in ("?delivered_at__isempty=1", "?delivered_at__isempty=0"):
        assert link in page.text
        assert chief.get(f"/admin/provider/logoutnotice/{link}").status_int == 200


def test_every_link_of_every_list_answers(everything):
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for link in re.findall(r'<a href="(\?[^"]+)"', everything.get(address).text):
            assert everything.get(address + html.unescape(link)).status_int == 200, address + link
