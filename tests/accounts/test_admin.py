"""What the helpdesk may do to an agent, what it may not, and the trace that it leaves."""

import pytest
from django.core import mail

from accounts.models import Agent, AgentSession, Attempts
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.admin import find_row_form, run_admin_action, sign_in_staff
from tests.support.people import PASSWORD, Browser, activate_otp_mel, answer, code, login_form, make_agent
from tests.support.worker import run_worker
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = pytest.mark.django_db


def page_of(agent):
    return f"/admin/accounts/agent/{agent.pk}/change/"


def test_a03_unlocking_forgets_the_failures_and_names_its_actor(helpdesk, camille):
    for n in range(8):
        Browser(f"198.51.100.{n}").sign_in(password="wrong")
    assert Browser().sign_in().status_int == 429
    run_admin_action(helpdesk, "accounts/agent", "unlock", camille)
    assert Browser().sign_in().status_int == 303
    event = AuditEvent.objects.get(name=Event.AGENT_UNLOCKED_BY_ADMIN)
    assert (event.agent, event.actor, event.detail) == ("camille.durand", "helpdesk", {"what": "password"})


@pytest.mark.django_db(transaction=True)
def test_a03_removing_the_method_drops_every_session_to_the_password_and_tells_the_agent(enrolled, piag):
    browser = Browser()
    browser.sign_in()
    browser.send_code("/verification/", code())
    assert "code" in answer(browser.authorize())
    chief = sign_in_staff("chief", is_superuser=True)
    device = OtpMelDevice.objects.get(user=enrolled)
    page = chief.get(f"/admin/twofactor/otpmeldevice/{device.pk}/change/").click("Retirer OTP Mél…")
    form = next(form for form in page.forms.values() if "reason" in form.fields)
    assert "Ce champ est obligatoire" in form.submit().text
    form["reason"] = "téléphone volé,\nidentité vérifiée"
    assert form.submit().status_int == 303
    refused = browser.follow_inside(browser.authorize())
    assert refused.status_int == 403
    event = AuditEvent.objects.get(name=Event.OTP_MEL_REMOVED_BY_ADMIN)
    assert (event.agent, event.actor) == ("camille.durand", "chief")
    assert event.detail["reason"].split() == ["téléphone", "volé,", "identité", "vérifiée"]
    run_worker()
    assert [m.to for m in mail.outbox] == [["camille.durand@example.fr"]]
    assert "téléphone volé" in mail.outbox[0].body


def test_a03_nobody_can_sign_in_as_the_agent_nor_set_the_password(helpdesk, camille):
    for address in ("password/", "../password/", "login/", "impersonate/"):
        assert helpdesk.get(f"/admin/accounts/agent/{camille.pk}/{address}", status="*").status_int in (302, 404)
    page = helpdesk.get(page_of(camille))
    assert "password" not in find_row_form(page).fields
    forged = find_row_form(page)
    fields = [*forged.submit_fields("_save"), ("password", "x"), ("password1", "y")]
    helpdesk.post(page_of(camille), fields, status="*")
    camille.refresh_from_db()
    assert camille.check_password(PASSWORD)


def test_deactivating_an_agent_ends_the_sessions_at_once(helpdesk, camille):
    browser = Browser()
    browser.sign_in()
    form = find_row_form(helpdesk.get(page_of(camille)))
    form["is_active"] = False
    form.submit()
    assert not AgentSession.objects.filter(agent=camille).exists()
    assert browser.get("/compte/").status_int == 302
    assert browser.sign_in().status_int in (200, 403)
    event = AuditEvent.objects.get(name=Event.AGENT_CHANGED_BY_ADMIN)
    assert (event.agent, event.actor, event.detail) == ("camille.durand", "helpdesk", {"fields": "is_active"})


def test_l12_deactivated_while_an_application_holds_a_code(helpdesk, camille, wiki):
    browser = Browser()
    browser.sign_in()
    given = answer(browser.authorize("wiki"))["code"]
    form = find_row_form(helpdesk.get(page_of(camille)))
    form["is_active"] = False
    form.submit()
    assert browser.token(given, "wiki").status_int == 400


def test_c07_ending_all_sessions_of_an_agent(helpdesk, camille):
    browser = Browser()
    browser.sign_in()
    run_admin_action(helpdesk, "accounts/agent", "end_sessions", camille)
    assert browser.get("/compte/").status_int == 302
    event = AuditEvent.objects.get(name=Event.SESSION_ENDED)
    assert (event.agent, event.actor, event.detail) == ("camille.durand", "helpdesk", {"by": "admin"})


OWN = {"is_superuser": "on", "is_staff": "on", "groups": "1", "user_permissions": "1"}


@pytest.mark.parametrize("uid", ["helpdesk", "camille.durand"])
def test_a04_rights_are_not_the_helpdesks_to_give(helpdesk, camille, uid):
    agent = Agent.objects.get(uid=uid)
    before = set(agent.user_permissions.all())
    page = helpdesk.get(page_of(agent))
    form = find_row_form(page)
    assert not set(OWN) & set(form.fields)
    helpdesk.post(page_of(agent), form.submit_fields("_save") + list(OWN.items()), status="*")
    agent.refresh_from_db()
    assert not agent.is_superuser
    assert agent.is_staff == (uid == "helpdesk")
    assert set(agent.user_permissions.all()) == before


def test_a04_an_identity_is_not_the_helpdesks_to_move(helpdesk, camille):
    """With the uid goes the Bnum's secret, with the e-mail the account in applications that know agents by it."""
    form = find_row_form(helpdesk.get(page_of(camille)))
    assert not {"uid", "email", "is_verified_account"} & set(form.fields)
    forged = [("uid", "helpdesk.two"), ("email", "thief@example.fr"), ("is_verified_account", "on")]
    helpdesk.post(page_of(camille), form.submit_fields("_save") + forged, status="*")
    camille.refresh_from_db()
    assert (camille.uid, camille.email) == ("camille.durand", "camille.durand@example.fr")
    assert not camille.is_verified_account


def test_a04_a_superusers_account_is_closed_to_the_helpdesk(helpdesk):
    chief = make_agent("chief", is_staff=True, is_superuser=True)
    browser = Browser()
    browser.sign_in("chief")
    Attempts.objects.filter(key=f"account:{chief.uuid}").update(failures=6)
    page = helpdesk.get(page_of(chief))
    assert not [form for form in page.forms.values() if "_save" in form.fields]
    token = login_form(Browser().get("/connexion/"))["csrfmiddlewaretoken"].value
    assert helpdesk.post(page_of(chief), {"csrfmiddlewaretoken": token}, status="*").status_int == 403
    run_admin_action(helpdesk, "accounts/agent", "end_sessions", chief)
    run_admin_action(helpdesk, "accounts/agent", "unlock", chief)
    assert browser.get("/compte/").status_int == 200
    assert Attempts.objects.get(key=f"account:{chief.uuid}").failures == 6
    assert not AuditEvent.objects.filter(agent="chief", actor="helpdesk").exists()


def test_a04_a_superusers_method_is_closed_to_the_helpdesk(helpdesk):
    chief = make_agent("chief", is_staff=True, is_superuser=True)
    device = activate_otp_mel(chief)
    type(device).objects.update(failures=9)
    address = f"/admin/twofactor/otpmeldevice/{device.pk}/retirer/"
    assert helpdesk.get(address, status="*").status_int == 403
    run_admin_action(helpdesk, "twofactor/otpmeldevice", "unlock", device)
    device.refresh_from_db()
    assert (device.confirmed, device.failures) == (True, 9)


def test_a04_what_was_not_granted_is_not_there(helpdesk, piag):
    for address in ("provider/client/", f"provider/client/{piag.pk}/change/", "auth/group/", "provider/client/add/"):
        assert helpdesk.get(f"/admin/{address}", status="*").status_int == 403


def test_an_agent_is_never_deleted(helpdesk, camille):
    chief = sign_in_staff("chief", is_superuser=True)
    for browser in (helpdesk, chief):
        assert browser.get(f"/admin/accounts/agent/{camille.pk}/delete/", status="*").status_int == 403
        run_admin_action(browser, "accounts/agent", "delete_selected", camille)
    assert Agent.objects.filter(pk=camille.pk).exists()


def test_a_new_agent_gets_an_address_in_normal_form_and_no_right(helpdesk):
    form = find_row_form(helpdesk.get("/admin/accounts/agent/add/"))
    form["uid"], form["email"], form["given_name"], form["family_name"] = "alix.roux", "Alix@Example.fr", "Alix", "Roux"
    form["password1"] = form["password2"] = PASSWORD
    form.submit().follow()
    alix = Agent.objects.get(uid="alix.roux")
    assert alix.email == "alix@example.fr"
    assert not any([alix.is_staff, alix.is_superuser, alix.user_permissions.exists()])
    assert Browser().sign_in("alix.roux").status_int == 303
    assert "password" not in str(AuditEvent.objects.get(name=Event.AGENT_CHANGED_BY_ADMIN).detail)


@pytest.mark.parametrize("uid", ["agent.-.boite", "a@b.fr", "two words", "camille.durand", "ＣＡＭＩＬＬＥ.durand"])
def test_a_uid_that_could_be_taken_for_another_is_refused(helpdesk, camille, uid):
    form = find_row_form(helpdesk.get("/admin/accounts/agent/add/"))
    form["uid"], form["given_name"], form["family_name"] = uid, "A", "B"
    form["password1"] = form["password2"] = PASSWORD
    assert form.submit().status_int == 200
    assert Agent.objects.count() == 2
