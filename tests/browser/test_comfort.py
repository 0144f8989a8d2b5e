"""What JavaScript adds: a password that can be read, a theme that is kept, buttons that work again after « back »."""

import pytest
from playwright.sync_api import expect

from tests.support import people
from tests.support.browser.checks import check_axe, check_structure, take_picture, variants

pytestmark = pytest.mark.browser


def test_the_password_can_be_shown(tab):
    tab.open("/connexion/")
    field = tab.page.locator("#id_password")
    field.fill("correct cheval")
    tab.page.get_by_text("Afficher", exact=True).click()
    expect(field).to_have_attribute("type", "text")
    tab.page.get_by_text("Afficher", exact=True).click()
    expect(field).to_have_attribute("type", "password")


def test_g03_password_managers_find_their_fields(tab):
    tab.open("/connexion/")
    expect(tab.page.locator("#id_username")).to_have_attribute("autocomplete", "username")
    expect(tab.page.locator("#id_password")).to_have_attribute("autocomplete", "current-password")


def open_settings(tab):
    button = tab.page.get_by_role("button", name="Paramètres d’affichage")
    button.click()
    expect(tab.page.get_by_role("dialog")).to_be_visible()
    return button


def test_the_display_settings_close_with_escape_and_give_the_focus_back(tab):
    tab.open("/connexion/")
    button = open_settings(tab)
    tab.page.get_by_text("Thème sombre").click()
    tab.page.keyboard.press("Escape")
    expect(tab.page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()


def test_the_display_settings_are_accessible(tab):
    tab.open("/connexion/")
    open_settings(tab)
    for size, theme in variants(tab.page):
        check_structure(tab.page)
        check_axe(tab.page)
        take_picture(tab.page, f"parametres-d-affichage-{theme}-{size}", full_page=False)


def test_the_theme_is_kept_and_known_before_the_first_paint(tab):
    tab.open("/connexion/")
    open_settings(tab)
    tab.page.get_by_text("Thème sombre").click()
    expect(tab.page.locator("html")).to_have_attribute("data-fr-theme", "dark")
    tab.page.route("**/dsfr.module*", lambda route: route.abort())
    tab.page.reload()
    assert tab.page.locator("html").get_attribute("data-fr-theme") == "dark"


def test_storage_may_be_denied(tab, camille):
    tab.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    tab.open("/connexion/")
    expect(tab.page.locator("html")).to_have_attribute("data-fr-theme", "light")
    tab.sign_in()
    expect(tab.page).to_have_title("Mon compte – Cerbère")


def test_a_form_left_by_the_back_button_can_be_sent_again(tab, camille):
    tab.open("/connexion/")
    tab.sign_in(password="not this one")
    tab.page.go_back()
    expect(tab.page).to_have_title("Connexion – Cerbère")
    tab.sign_in()
    tab.is_on("Mon compte – Cerbère")


def test_well_known_change_password(tab, camille):
    tab.open("/.well-known/change-password")
    tab.sign_in()
    tab.is_on("Changer de mot de passe – Cerbère")
    tab.fill_in("Mot de passe actuel", people.PASSWORD)
    tab.fill_in("Nouveau mot de passe", "trois mots de passe nouveaux")
    tab.fill_in("Nouveau mot de passe, encore", "trois mots de passe nouveaux")
    tab.press("Changer de mot de passe")
    tab.is_on("Mon compte – Cerbère")
    tab.check_text("Votre mot de passe a été changé.")
