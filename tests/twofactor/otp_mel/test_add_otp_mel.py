"""Adding OTP Mél with a code of the secret that the agent shares with the Bnum."""

import pytest
from django.core import mail

from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.people import (
    CAMILLE_SECRET,
    DOMINIQUE_SECRET,
    Browser,
    activate_otp_mel,
    answer,
    code,
    code_form,
    is_two_factor,
    put_on_bnum,
    text,
    wrong_code,
)  # fmt: skip
from tests.support.worker import run_worker
from twofactor.otp_mel.models import OtpMelDevice

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
ADD, ADDED, VERIFY = "/compte/deux-facteurs/otp-mel/", "/compte/deux-facteurs/otp-mel/active/", "/verification/"
REMOVE = "/compte/deux-facteurs/otp-mel/retirer/"
SUCCESS = "Authentification 2 facteurs activée avec succès pour la méthode OTP Mél."


def is_active(uid="camille.durand"):
    return OtpMelDevice.objects.filter(user__uid=uid, confirmed=True).exists()


def test_e01_without_a_method_the_application_gets_no_code(signed_in, piag):
    refusal = signed_in.follow_inside(signed_in.authorize())
    assert refusal.status_int == 403
    assert "Accès interdit, authentification trop faible" in text(refusal)
    assert refusal.click("page de gestion de votre compte").request.path == "/compte/"


def test_e02_a_right_code_activates_and_raises_this_session(signed_in):
    success = signed_in.follow_inside(signed_in.send_code(ADD, code()))
    assert SUCCESS in text(success)
    assert is_active()
    assert is_two_factor(signed_in)


def test_e02_the_application_opens_without_a_new_login(signed_in, piag):
    refusal = signed_in.follow_inside(signed_in.authorize())
    page = refusal.click("Activer OTP Mél et continuer vers PIAG")
    success = signed_in.follow_inside(signed_in.send_code(page, code()))
    assert "code" in answer(signed_in.follow_inside(success.click("Continuer vers PIAG")))


def test_e03_a_page_that_says_active_is_not_shown_to_who_is_not(signed_in):
    assert signed_in.get(ADDED).location == "/compte/"


def test_e03_activation_is_told_by_mail_once(signed_in):
    signed_in.send_code(ADD, wrong_code())
    signed_in.send_code(ADD, code())
    run_worker()
    [message] = mail.outbox
    assert message.to == ["camille.durand@example.fr"]
    assert message.subject == "Authentification à deux facteurs activée"
    assert "a été activée le 24/11/2026 à 10:00, par la méthode OTP Mél." in message.body
    assert "assistance@example.fr" in message.body


def test_e03_the_audit_log_says_that_it_was_added_and_used(signed_in):
    signed_in.send_code(ADD, code())
    names = list(AuditEvent.objects.filter(name__regex="otp_mel|second_factor").values_list("name", flat=True))
    assert sorted(names) == [Event.OTP_MEL_ADDED, Event.SECOND_FACTOR_ACCEPTED]
    assert set(AuditEvent.objects.values_list("agent", "address")) == {("camille.durand", "192.0.2.10")}


@pytest.mark.parametrize("name", ["secret", "sealed_seed", "user", "confirmed"])
def test_e04_a_secret_or_device_in_the_form_is_ignored(signed_in, dominique, name):
    form = code_form(signed_in.get(ADD))
    fields = {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"].value, "code": code(DOMINIQUE_SECRET)}
    for value in (DOMINIQUE_SECRET, dominique.uid, dominique.pk, "true"):
        signed_in.post(f"{ADD}?{name}={value}", fields | {name: str(value)}, expect_errors=True)
    assert not is_active()
    assert not is_active("dominique.morel")


def test_e04_the_seed_kept_is_the_bnums_own(signed_in):
    form = code_form(signed_in.get(ADD))
    fields = {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"].value, "code": code(), "secret": DOMINIQUE_SECRET}
    signed_in.post(ADD, fields)
    assert OtpMelDevice.objects.get().seed == CAMILLE_SECRET.encode()


@pytest.fixture
def page(signed_in, request):
    """Open the page of an act as an agent who may do it."""
    if request.param != ADD:
        activate_otp_mel(OtpMelDevice._meta.get_field("user").related_model.objects.get(uid="camille.durand"))
    return signed_in.get(request.param)


def state():
    return list(OtpMelDevice.objects.values("confirmed", "last_step", "failures", "uuid"))


EVERY_ACT = pytest.mark.parametrize("page", [ADD, VERIFY, REMOVE], indirect=True)


@EVERY_ACT
def test_e07_without_the_forms_token_nothing_is_done(signed_in, page):
    before = state()
    for fields in ({"code": code()}, {"code": code(), "csrfmiddlewaretoken": "x" * 64}):
        assert signed_in.post(page.request.path, fields, expect_errors=True).status_int == 403
    assert state() == before


@EVERY_ACT
def test_e07_from_another_site_nothing_is_done(signed_in, page):
    before = state()
    fields = {"code": code(), "csrfmiddlewaretoken": code_form(page)["csrfmiddlewaretoken"].value}
    for scheme, header in (("http", "Origin"), ("https", "Referer")):
        signed_in.extra_environ["wsgi.url_scheme"] = scheme
        sent = signed_in.post(page.request.path, fields, {header: "https://evil.test"}, expect_errors=True)
        assert sent.status_int == 403
    assert state() == before


@EVERY_ACT
def test_e07_only_a_form_does_something(signed_in, page):
    before = state()
    token = code_form(page)["csrfmiddlewaretoken"].value
    address = f"{page.request.path}?code={code()}&csrfmiddlewaretoken={token}"
    for method, status in (("GET", 200), ("HEAD", 200), ("PUT", 405), ("DELETE", 405)):
        sent = signed_in.request(address, method=method, headers={"X-CSRFToken": token}, expect_errors=True)
        assert sent.status_int == status
    assert state() == before


def test_e09_a_second_page_of_the_form_gets_already_active(signed_in):
    first, second = signed_in.get(ADD), signed_in.get(ADD)
    signed_in.send_code(first, code())
    form = code_form(second)
    form["csrfmiddlewaretoken"] = code_form(signed_in.get(VERIFY))["csrfmiddlewaretoken"].value  # it was rotated
    form["code"] = code(steps=1)
    late = signed_in.follow_inside(form.submit())
    assert "La méthode OTP Mél est déjà activée." in text(late)
    assert OtpMelDevice.objects.count() == 1


def test_e09_another_browser_whose_page_was_open_gets_already_active_and_no_level(signed_in):
    other = Browser("198.51.100.7")
    other.sign_in()
    page = other.get(ADD)
    signed_in.send_code(ADD, code())
    late = other.follow_inside(other.send_code(page, code(steps=1)))
    assert "La méthode OTP Mél est déjà activée." in text(late)
    assert not is_two_factor(other)


def test_e10_wrong_codes_leave_the_method_inactive_and_are_counted(signed_in):
    for _ in range(3):
        assert "Code incorrect ou déjà utilisé." in text(signed_in.send_code(ADD, wrong_code()))
    device = OtpMelDevice.objects.get()
    assert (device.confirmed, device.failures) == (False, 3)
    assert not is_two_factor(signed_in)
    assert AuditEvent.objects.filter(name=Event.SECOND_FACTOR_REFUSED, detail__reason="wrong").count() == 3


def test_e12_the_code_of_the_enrolment_is_refused_to_another_session(signed_in):
    signed_in.send_code(ADD, code())
    other = Browser("198.51.100.7")
    other.sign_in()
    assert "Code incorrect ou déjà utilisé." in text(other.send_code(VERIFY, code()))
    assert not is_two_factor(other)
    assert is_two_factor(signed_in)


def test_e12_another_session_of_the_agent_is_not_raised_by_the_enrolment(signed_in):
    other = Browser("198.51.100.7")
    other.sign_in()
    signed_in.send_code(ADD, code())
    assert not is_two_factor(other)


def test_a_secret_that_changed_on_the_bnum_before_the_code_is_the_one_that_counts(signed_in):
    page = signed_in.get(ADD)
    put_on_bnum("camille.durand", "another secret of 20")
    assert "Code incorrect ou déjà utilisé." in text(signed_in.send_code(page, code()))
    signed_in.send_code(ADD, code("another secret of 20"))
    assert is_active()


def test_a_password_thief_without_the_phone_cannot_enrol(signed_in):
    """Rule 7: no page offers a secret of one's own choice."""
    page = signed_in.get(ADD)
    assert set(code_form(page).fields) <= {"csrfmiddlewaretoken", "code", None}
    assert not any(word in page.text.lower() for word in ("otpauth", "qr code", CAMILLE_SECRET, "gezdgnbv"))


def test_choosing_the_method_leads_to_its_page(signed_in):
    assert signed_in.get("/compte/deux-facteurs/ajouter/?methode=otp_mel").location == ADD
