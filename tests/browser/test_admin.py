"""The helpdesk's way: from the reference that an agent reads out to the removal of the method, with a reason."""

import pytest
from playwright.sync_api import expect

from accounts.models import Agent
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support import people
from tests.support.admin import CHIEF_SECRET
from tests.support.browser.tab import Tab

pytestmark = pytest.mark.browser


@pytest.fixture
def chief(db):
    chief = people.make_agent("chief", is_staff=True, is_superuser=True)
    people.activate_otp_mel(chief, CHIEF_SECRET)
    return chief


def reference_shown_to(tab: Tab, site: str) -> str:
    """Return the reference that an agent without a method reads on the page of the refusal."""
    tab.open(f"{site}/assistant/")
    tab.sign_in()
    return tab.page.locator(".cerbere-reference strong").text_content()


def test_18_the_event_of_a_reference_then_the_method_removed(open_browser, piag_site, camille, chief):
    reference = reference_shown_to(open_browser(), piag_site)
    people.activate_otp_mel(camille)
    tab = open_browser()
    tab.open("/admin/")
    tab.sign_in("chief")
    tab.send_code(people.code(CHIEF_SECRET))
    expect(tab.page).to_have_title("Administration | Cerbère – administration")
    find_event(tab, reference)
    remove_method(tab)
    assert tab.take_troubles() == []
    removed = AuditEvent.objects.get(name=Event.OTP_MEL_REMOVED_BY_ADMIN)
    assert (removed.agent, removed.actor) == ("camille.durand", "chief")


def find_event(tab, reference):
    tab.open("/admin/audit/auditevent/")
    tab.page.locator("#searchbar").fill(reference)
    tab.press("Rechercher")
    rows = tab.page.locator("#result_list tbody tr")
    expect(rows.filter(has_text=Event.ACCESS_REFUSED)).to_contain_text("camille.durand")
    assert rows.count() == rows.filter(has_text=reference).count()


def remove_method(tab):
    tab.open("/admin/twofactor/otpmeldevice/")
    tab.follow("camille.durand (Camille Durand)")
    tab.follow("Retirer OTP Mél…")
    tab.page.get_by_label("Motif (envoyé à l’agent)").fill("Téléphone volé, signalé par l’agent")
    tab.press("Retirer la méthode")
    tab.check_text("La méthode est retirée, l’agent est prévenu.")


def test_18_with_the_password_alone_the_code_comes_first(tab, chief):
    tab.open("/connexion/")
    tab.sign_in("chief")
    tab.open("/admin/audit/auditevent/")
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code(CHIEF_SECRET))
    expect(tab.page).to_have_url("/admin/audit/auditevent/")


def test_18_without_a_method_it_is_added_on_the_way(tab, camille):
    camille.is_staff = True
    camille.save()
    tab.open("/admin/")
    tab.sign_in()
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    tab.follow("Continuer")
    expect(tab.page).to_have_title("Administration | Cerbère – administration")


def test_agents_are_imported_after_a_look_at_what_will_happen(tab, chief, tmp_path):
    file = tmp_path / "agents.csv"
    file.write_text("uid,email,given_name,family_name\nnora.vidal,nora.vidal@example.fr,Nora,Vidal\nboite.-.x,,A,B\n")
    tab.open("/connexion/?next=/admin/accounts/agent/")
    tab.sign_in("chief")
    tab.open("/admin/accounts/agent/")
    tab.send_code(people.code(CHIEF_SECRET))
    tab.follow("Importer des agents…")
    tab.page.locator("input[type=file]").set_input_files(file)
    tab.press("Voir ce que ferait l’import")
    expect(tab.page.locator("#content tbody tr")).to_have_count(2)
    assert not Agent.objects.filter(uid="nora.vidal").exists()
    tab.press("Importer")
    assert Agent.objects.get(uid="nora.vidal").email == "nora.vidal@example.fr"
    assert tab.take_troubles() == []
