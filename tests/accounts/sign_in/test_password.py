"""Passwords: how they are kept, which are refused, and what a change ends."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core import mail
from django.db import connection
from django.test import Client
from django_tasks_db.models import DBTaskResult

from accounts.models import AgentSession
from accounts.sign_in.hashers import HASH_LOCK, Argon2idHasher
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.people import PASSWORD, Browser, make_agent
from tests.support.worker import run_worker

NEW = "tapis girafe moulin 42 nuages"


def test_argon2id_with_one_lane():
    algorithm, variant, _version, costs, *_ = make_password(PASSWORD).split("$")
    assert (algorithm, variant, costs) == ("argon2", "argon2id", "m=19456,t=2,p=1")


@pytest.mark.parametrize(("today", "other"), [("m=19456", "m=47104"), ("t=2", "t=1"), ("v=19", "v=16"), ("2id", "2i")])
def test_a_hash_of_other_costs_is_renewed_and_one_of_today_is_not(today, other):
    of_today, hasher = make_password(PASSWORD), Argon2idHasher()
    assert not hasher.must_update(of_today)
    assert hasher.must_update(of_today.replace(today, other))


def test_a_hash_with_a_short_salt_is_renewed():
    encoded = Argon2idHasher().encode(PASSWORD, "fewcharacters")
    assert Argon2idHasher().must_update(encoded)


@pytest.mark.django_db
def test_an_old_hash_is_renewed_at_sign_in_and_no_session_ends(browser, camille):
    camille.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    camille.save()
    assert browser.sign_in().status_int == 303
    camille.refresh_from_db()
    assert camille.password.startswith("argon2$argon2id$")
    assert browser.get("/compte/").status_int == 200
    assert Browser().sign_in().status_int == 303


def change(browser, current=PASSWORD, new=NEW, again=None):
    form = next(f for f in browser.get("/compte/mot-de-passe/").forms.values() if "current_password" in f.fields)
    form["current_password"], form["new_password1"], form["new_password2"] = current, new, again or new
    return form.submit(expect_errors=True)


@pytest.mark.django_db(transaction=True)
def test_l11_a_change_is_mailed_recorded_and_ends_the_other_sessions(signed_in, camille):
    other = Browser()
    other.sign_in()
    before = signed_in.cookies["cerbere_session"]
    account = change(signed_in).follow()
    assert "Votre mot de passe a été changé. Vos autres sessions sont fermées." in account.text
    assert signed_in.cookies["cerbere_session"] != before
    assert account.text.count('id="session-') == 1
    assert AgentSession.objects.count() == 1
    assert other.get("/compte/").status_int == 302
    run_worker()
    assert [m.to for m in mail.outbox] == [["camille.durand@example.fr"]]
    assert NEW not in mail.outbox[0].body
    assert AuditEvent.objects.filter(name=Event.PASSWORD_CHANGED, agent=camille.uid).count() == 1
    assert Browser().sign_in().status_int == 200
    assert Browser().sign_in(password=NEW).status_int == 303


@pytest.mark.django_db(transaction=True)
def test_l11_no_password_changes_without_its_mail(signed_in, camille):
    """A node that dies at the wrong moment must not leave a thief's change untold."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_tasks_database_dbtaskresult RENAME TO hidden")
        try:
            assert change(signed_in).status_int >= 500
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO django_tasks_database_dbtaskresult")
    camille.refresh_from_db()
    assert camille.check_password(PASSWORD)


@pytest.mark.django_db
def test_l11_a_wrong_current_password_changes_nothing_and_is_counted(signed_in, camille):
    answers = [change(signed_in, current=f"wrong {n}") for n in range(8)]
    assert "Le mot de passe actuel est incorrect." in answers[0].text
    assert [answer.status_int for answer in answers] == [200] * 7 + [429]
    assert change(signed_in).status_int == 429
    assert AuditEvent.objects.filter(name=Event.PASSWORD_CHANGE_REFUSED, detail__reason="wrong_password").count() == 7
    camille.refresh_from_db()
    assert camille.check_password(PASSWORD)


@pytest.mark.django_db
def test_a_stranger_who_fails_on_purpose_does_not_keep_the_agent_from_changing_it(signed_in):
    for n in range(7):
        Browser(f"198.51.100.{n}").sign_in(password="wrong")
    assert change(signed_in).status_int == 303


@pytest.mark.django_db
def test_the_browser_that_changed_the_password_is_still_known(signed_in):
    change(signed_in)
    signed_in.cookiejar.clear_session_cookies()
    for n in range(7):
        Browser(f"198.51.100.{n}").sign_in(password="wrong")
    assert signed_in.sign_in(password=NEW).status_int == 303


REFUSED = {
    "short": ("court-mais1", "trop court"),
    "common": ("qwertyuiop123", "trop courant"),
    "the portal": ("Cerbere-2026!!", "trop attendu"),
    "the portal, with accents": ("CERBÈRE 2026 ..", "trop attendu"),
    "the ministry": ("Ministère2026", "trop attendu"),
    "the webmail": ("MonCourrielleur1", "trop attendu"),
    "the word itself": ("motdepasse 2026", "trop attendu"),
    "the French keyboard": ("azertyuiop12", "trop attendu"),
    "the season": ("Printemps2026!", "trop attendu"),
    "two words": ("cerbere bnum piag", "trop attendu"),
    "own uid": ("camille.durand", "trop semblable"),
    "own address": ("camille.durand@example.fr", "trop semblable"),
    "endless": ("x" * 257, "256 caractères au plus"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("new", "reason"), REFUSED.values(), ids=REFUSED)
def test_l11_a_weak_password_is_refused_with_its_reason(camille, new, reason):
    client = Client(HTTP_HOST="localhost:8000")
    client.force_login(camille)
    fields = {"current_password": PASSWORD, "new_password1": new, "new_password2": new}
    answer = client.post("/compte/mot-de-passe/", fields)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert reason in text
    assert f'value="{new}" name' not in text
    camille.refresh_from_db()
    assert camille.check_password(PASSWORD)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "new",
    [NEW, "é" * 6 + "ab cd ef gh", "Un cerbère garde douze moutons", "a" * 200 + "bcd", "密码密码安全的长短语句很好"],
)
def test_a_phrase_is_accepted_whatever_its_alphabet(signed_in, new):
    assert change(signed_in, new=new).status_int == 303


@pytest.mark.django_db
def test_two_entries_that_differ_are_said(signed_in):
    assert "Les deux saisies du nouveau mot de passe diffèrent." in change(signed_in, again="other").text


@pytest.mark.django_db
def test_spaces_around_a_password_are_part_of_it(signed_in):
    change(signed_in, new=f" {NEW} ")
    assert Browser().sign_in(password=NEW).status_int == 200
    assert Browser().sign_in(password=f" {NEW} ").status_int == 303


@pytest.mark.django_db
def test_well_known_change_password_leads_there(signed_in):
    assert signed_in.get("/.well-known/change-password").follow().request.path == "/compte/mot-de-passe/"


@pytest.mark.django_db(transaction=True)
def test_an_agent_without_an_address_gets_no_mail_and_no_error(browser):
    make_agent("sans.adresse", email=None)
    browser.sign_in("sans.adresse")
    assert change(browser).status_int == 303
    run_worker()
    assert mail.outbox == []
    assert not DBTaskResult.objects.exists()


@pytest.mark.parametrize("act", [lambda kept: check_password(PASSWORD, kept), lambda _: make_password(PASSWORD)])
def test_passwords_are_hashed_one_after_the_other(act):
    """Also that of an agent whom nobody knows, which is made anew: the two must take as long."""
    kept = make_password(PASSWORD)
    with ThreadPoolExecutor(1) as pool:
        with HASH_LOCK:
            second = pool.submit(act, kept)
            assert wait([second], timeout=0.5).not_done
        second.result(timeout=30)
