"""« Importer des agents » : a superuser sees what a file would do, then does exactly that."""

import pytest
from django.core import signing
from webtest import Upload

from accounts.agent_imports import import_page
from accounts.agent_imports.agent_lines import Refusal
from accounts.agent_imports.import_agents import Verdict
from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support.admin import find_row_form, sign_in_staff
from tests.support.people import make_agent

pytestmark = pytest.mark.django_db
PAGE = "/admin/accounts/agent/importer/"
APPLY = f"{PAGE}appliquer/"
TEXT = (
    "uid,email,prénom,nom\nalix.roux,alix@example.fr,Alix,Roux\n"
    "camille.durand,camille.durand@example.fr,Camille,X\na b,,A,B\n"
)


def upload(browser, text=TEXT):
    form = next(form for form in browser.get(PAGE).forms.values() if "file" in form.fields)
    form["file"] = Upload("agents.csv", text if isinstance(text, bytes) else text.encode())
    return form.submit(expect_errors=True)


def confirmation(preview):
    return next(form for form in preview.forms.values() if "previewed" in form.fields)


def test_the_list_of_agents_leads_there(chief):
    assert "Importer des agents" in chief.get("/admin/accounts/agent/").click("Importer des agents…").text


def test_the_preview_says_what_each_line_would_do_and_writes_nothing(chief, camille):
    preview = upload(chief)
    rows = [[cell.text for cell in row.find_all("td")] for row in preview.html.find("tbody").find_all("tr")]
    assert rows == [
        ["2", "alix.roux", "nouveau", ""], ["3", "camille.durand", "modifié", "family_name"],
        ["4", "", "refusé : identifiant incorrect", ""],
    ]  # fmt: skip
    assert "modifié : 1, nouveau : 1, refusé : 1" in preview.text
    assert not Agent.objects.filter(uid="alix.roux").exists()


def test_confirming_does_what_was_shown_and_names_its_actor(chief, camille):
    page = confirmation(upload(chief)).submit().follow()
    assert "Import terminé. modifié : 1, nouveau : 1, refusé : 1." in page.text
    assert Agent.objects.get(uid="camille.durand").family_name == "X"
    assert not Agent.objects.get(uid="alix.roux").has_usable_password()
    event = AuditEvent.objects.get(name=Event.AGENT_ADDED_BY_FILE)
    assert (event.agent, event.actor, event.address) == ("alix.roux", "chief", "192.0.2.10")


def test_nothing_is_written_when_the_agents_have_changed_since(chief, camille):
    form = confirmation(upload(chief))
    make_agent("alix.roux")
    again = form.submit()
    assert "Les agents ont changé depuis l’aperçu" in again.text
    assert Agent.objects.get(uid="camille.durand").family_name == "Durand"
    confirmation(again).submit().follow()
    assert Agent.objects.get(uid="camille.durand").family_name == "X"


def test_confirming_twice_writes_once(chief, camille):
    form = confirmation(upload(chief))
    form.submit()
    assert "inchangé" in form.submit().text
    assert AuditEvent.objects.filter(name=Event.AGENT_ADDED_BY_FILE).count() == 1


def test_another_file_cannot_be_confirmed(chief, camille):
    form = confirmation(upload(chief))
    good = form["previewed"].value
    forged = signing.dumps({"text": TEXT, "digest": ""}, key="another key")
    for previewed in ("", "x", good[:-1], "A" + good[1:], forged):
        form["previewed"] = previewed
        assert "périmé" in form.submit().follow().text
    assert not Agent.objects.filter(uid="alix.roux").exists()


def test_a_preview_is_for_one_administrator_and_one_hour(chief, monkeypatch):
    form = confirmation(upload(chief))
    other = sign_in_staff("chief.two", is_superuser=True)
    theirs = confirmation(upload(other))
    theirs["previewed"] = form["previewed"].value
    assert "périmé" in theirs.submit().follow().text
    monkeypatch.setattr(import_page, "PREVIEW_AGE", -1)
    assert "périmé" in form.submit().follow().text
    assert not Agent.objects.filter(uid="alix.roux").exists()


def test_a04_the_helpdesk_is_refused_on_each_page(helpdesk, chief, camille):
    previewed = confirmation(upload(chief))["previewed"].value
    assert "Importer des agents" not in helpdesk.get("/admin/accounts/agent/").text
    assert helpdesk.get(PAGE, status="*").status_int == 403
    page = helpdesk.get(f"/admin/accounts/agent/{camille.pk}/change/")
    token = find_row_form(page)["csrfmiddlewaretoken"].value
    fields = {"csrfmiddlewaretoken": token, "previewed": previewed}
    assert helpdesk.post(APPLY, fields, status="*").status_int == 403
    sent = helpdesk.post(PAGE, fields, upload_files=[("file", "a.csv", TEXT.encode())], status="*")
    assert sent.status_int == 403
    assert not Agent.objects.filter(uid="alix.roux").exists()


def test_by_password_alone_nobody_comes_in(browser):
    make_agent("chief", is_superuser=True, is_staff=True)
    browser.sign_in("chief")
    assert browser.get(PAGE).status_int == 302
    assert browser.get(APPLY, status="*").status_int in (302, 405)


def test_applying_is_never_a_link(chief):
    assert chief.get(APPLY, status="*").status_int == 405


@pytest.mark.parametrize("text", ["uid,password\na,b\n", "nom\nX\n", ""])
def test_a_header_that_cannot_be_read_is_told(chief, text):
    answer = upload(chief, text).text
    assert "La première ligne doit nommer" in answer or "vide" in answer


def test_what_is_not_utf_8_is_told(chief):
    assert "pas du texte en UTF-8" in upload(chief, b"uid,nom\na,\xe9\n").text


def test_a_file_that_does_not_fit_into_the_page_is_told(chief, monkeypatch):
    monkeypatch.setattr(import_page, "MAXIMUM_CARRIED", 100)
    assert "utilisez la commande import_agents" in upload(chief).text


def test_a_thousand_agents_fit(chief):
    lines = (
        f"agent{n}.nom{n * 7919},agent{n}.nom{n * 7919}@developpement-durable.gouv.fr,Prénom{n},Nom{n}\n"
        for n in range(1000)
    )
    assert (
        "nouveau : 1000"
        in confirmation(upload(chief, "uid,email,prenom,nom\n" + "".join(lines))).submit().follow().text
    )


@pytest.mark.parametrize("page", [PAGE, "/connexion/"])
def test_a_request_with_a_long_file_is_refused_before_it_is_read(chief, page):
    files = [("file", "agents.csv", b"x" * (256 * 1024 + 1))]
    assert chief.post(page, {}, upload_files=files, status="*").status_int == 400


def test_every_verdict_has_its_french_words():
    assert set(import_page.VERDICT_TEXTS) == {*Verdict, *Refusal}


def test_a_page_shows_what_a_cell_holds_as_text(chief):
    preview = upload(chief, "uid,prenom,nom\n<b>alix</b>,A,B\n")
    assert "&lt;b&gt;alix&lt;/b&gt;" in preview.text
    assert "unsafe" not in preview.headers["Content-Security-Policy"]


def test_p05_what_a_refused_line_holds_is_on_no_page(chief):
    preview = upload(chief, "uid,prenom,nom,siret\nCANARY x,A,B,\nb.b,CANARY,B,CANARY\nc.c,CANARY,B,\n")
    done = confirmation(preview).submit().follow()
    assert "refusé : 2" in done.text
    visible = preview.html.find("table").text + preview.html.find("form", action=APPLY).text
    assert "canary" not in visible.lower() + preview.text.replace(confirmation(preview)["previewed"].value, "").lower()
