"""The journey of the user's guide, from PIAG's own button to PIAG's assistant, in every way that an agent may take it.

The pictures of README.md come from here: cp artifacts/guide/*.png docs/images/
"""

import pytest
from playwright.sync_api import expect

from tests.support import people
from tests.support.browser.checks import take_picture
from tests.support.browser.tab import time_passes

pytestmark = pytest.mark.browser

BUTTON = "S'authentifier avec Cerbère"
REFUSAL = (
    "Accès interdit, authentification trop faible (mot de passe < authentification 2 facteurs requis). "
    "Aucune méthode d'authentification à deux facteurs n'est activée pour votre compte. "
    "Pour activer une méthode, allez sur la page de gestion de votre compte"
)
SUCCESS = "Authentification 2 facteurs activée avec succès pour la méthode OTP Mél."
AT_200_PER_CENT = {"width": 640, "height": 400}  # of a screen of 1280 × 800


def picture(tab, name):
    take_picture(tab.page, f"guide/{name}", full_page=False)


def start_at_piag(tab, site):
    tab.open(site)
    tab.is_on("Connexion – PIAG")
    tab.press(BUTTON)
    tab.is_on("Connexion – Cerbère")
    tab.check_text("Pour accéder à PIAG.")
    expect(tab.page.locator("body")).not_to_contain_text("Camille")


def test_01_the_guide_word_for_word(tab, piag_site, camille):
    tab.open(piag_site)
    picture(tab, "piag-accueil")
    start_at_piag(tab, piag_site)
    picture(tab, "connexion")
    tab.sign_in()
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)
    assert " ".join(tab.page.locator("#refus p").text_content().split()) == REFUSAL
    picture(tab, "acces-interdit")
    tab.follow("Mon compte (Camille Durand)")
    tab.is_on("Mon compte – Cerbère")
    expect(tab.page.get_by_role("heading", name="Authentification à deux facteurs")).to_be_visible()
    expect(tab.page.get_by_role("radio", name="OTP Mél")).to_be_checked()
    picture(tab, "mon-compte")
    tab.press("Ajouter méthode")
    tab.is_on("Saisir le code – Cerbère")
    picture(tab, "saisir-le-code")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    tab.check_text(SUCCESS)
    picture(tab, "methode-activee")
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")
    tab.check_text("eidas2 (deux facteurs)")
    tab.check_text("mot de passe (pwd), code à usage unique (otp), plusieurs facteurs (mfa)")
    picture(tab, "piag-assistant")


def test_01_the_link_of_the_refusal_leads_to_the_account_page(tab, piag_site, camille):
    start_at_piag(tab, piag_site)
    tab.sign_in()
    tab.follow("page de gestion de votre compte")
    tab.is_on("Mon compte – Cerbère")
    tab.check_text("Vous venez de PIAG. Activez une méthode, vous pourrez y retourner.")


def test_01_the_short_way_by_the_button_of_the_refusal(tab, piag_site, camille):
    enrol_by_the_short_way(tab, piag_site)


def test_01_back_on_piag_by_its_address_the_agent_is_connected(tab, piag_site, camille):
    start_at_piag(tab, piag_site)
    tab.sign_in()
    tab.follow("Activer OTP Mél et continuer vers PIAG")
    tab.send_code(people.code())
    tab.open(f"{piag_site}/assistant/")
    tab.is_on("Assistant – PIAG")


def enrol_by_the_short_way(tab, site):
    start_at_piag(tab, site)
    tab.sign_in()
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)
    tab.follow("Activer OTP Mél et continuer vers PIAG")
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")


def come_back(tab, site):
    start_at_piag(tab, site)
    tab.sign_in()
    tab.is_on("Saisir le code – Cerbère")


def test_02_the_second_visit_password_and_code(tab, piag_site, enrolled):
    come_back(tab, piag_site)
    picture(tab, "verification")
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")


def test_03_already_at_two_factors_nothing_is_asked(tab, piag_site, enrolled):
    tab.sign_in_with_code()
    tab.open(piag_site)
    tab.press(BUTTON)
    tab.is_on("Assistant – PIAG")


def test_04_signed_in_by_password_only_the_code_is_asked(tab, piag_site, enrolled):
    tab.open("/connexion/")
    tab.sign_in()
    tab.is_on("Mon compte – Cerbère")
    tab.open(piag_site)
    tab.press(BUTTON)
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")


def test_15_without_javascript(open_browser, piag_site, camille):
    enrol_by_the_short_way(open_browser(java_script_enabled=False), piag_site)
    time_passes()
    tab = open_browser(java_script_enabled=False)
    come_back(tab, piag_site)
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")


def test_15_without_style_sheets_either(open_browser, piag_site, camille):
    tab = open_browser(java_script_enabled=False)
    tab.bare = True
    tab.page.route("**/static/**", lambda route: route.abort())
    enrol_by_the_short_way(tab, piag_site)


def test_16_with_the_keyboard_alone_at_200_per_cent(open_browser, piag_site, camille):
    tab = open_browser(viewport=AT_200_PER_CENT)
    tab.open(piag_site)
    press_by_keyboard(tab, BUTTON)
    tab.is_on("Connexion – Cerbère")
    type_by_keyboard(tab, "id_username", "camille.durand")
    type_by_keyboard(tab, "id_password", people.PASSWORD)
    press_by_keyboard(tab, "Connexion")
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)
    press_by_keyboard(tab, "Mon compte (Camille Durand)")
    tab.is_on("Mon compte – Cerbère")
    press_by_keyboard(tab, "Ajouter méthode")
    tab.is_on("Saisir le code – Cerbère")
    type_by_keyboard(tab, "id_code", people.code(), tabs=0)
    press_key(tab, "Enter")
    tab.is_on("Méthode activée – Cerbère")
    press_key(tab, "Enter")
    tab.is_on("Assistant – PIAG")


def focused(tab):
    return tab.page.evaluate("[document.activeElement.id, document.activeElement.textContent.trim()]")


def tab_to(tab, id_or_name, tabs=20):
    """Press Tab until this element has the focus, and check that it is then in sight."""
    for _ in range(tabs):
        if id_or_name in focused(tab):
            break
        tab.page.keyboard.press("Tab")
    assert id_or_name in focused(tab), focused(tab)
    expect(tab.page.locator(":focus")).to_be_in_viewport()


def type_by_keyboard(tab, field, text, tabs=20):
    tab_to(tab, field, tabs)
    tab.page.keyboard.type(text)


def press_by_keyboard(tab, name):
    tab_to(tab, name)
    press_key(tab, "Enter")


def press_key(tab, key):
    with tab.page.expect_navigation():
        tab.page.keyboard.press(key)


def test_17_in_english(tab, piag_site, camille):
    tab.open(piag_site)
    tab.press(BUTTON)
    tab.press("English")
    tab.is_on("Sign in – Cerbère")
    tab.check_text("To access PIAG.")
    assert tab.page.locator("html").get_attribute("lang") == "en"
    tab.fill_in("Password", people.PASSWORD)
    tab.page.locator("#id_username").fill("camille.durand")
    tab.press("Sign in")
    tab.is_on("Access denied – PIAG – Cerbère", 403)
    tab.follow("Activate OTP Mél and continue to PIAG")
    tab.is_on("Enter the code – Cerbère")
    tab.page.locator("#id_code").fill(people.code())
    tab.press("Confirm")
    tab.is_on("Method activated – Cerbère")
    tab.follow("Continue to PIAG")
    tab.is_on("Assistant – PIAG")
