"""What Chromium makes of the content security policy, which no other test can tell."""

import pytest
from playwright.sync_api import expect

from tests.support import people

pytestmark = pytest.mark.browser


def on_the_code_page(tab, site):
    tab.open(f"{site}/assistant/")
    tab.sign_in()
    tab.is_on("Saisir le code – Cerbère")


def test_20_a_form_of_cerbere_may_end_on_the_origin_of_the_application(tab, piag_site, enrolled):
    """The answer to the form is a chain of redirects to another origin, which form-action governs."""
    on_the_code_page(tab, piag_site)
    tab.send_code(people.code())
    tab.is_on("Assistant – PIAG")
    policy = tab.page.context.request.get("/connexion/").headers["content-security-policy"]
    assert "form-action 'self';" in f"{policy};", "once nothing waits, forms stay on Cerbère"


def test_20_without_that_origin_chromium_would_stop_it(tab, piag_site, enrolled):
    on_the_code_page(tab, piag_site)

    policies = []

    def without_the_application(route):
        response = route.fetch()
        policies.append(response.headers["content-security-policy"])
        changed = {"content-security-policy": policies[0].replace(f" {piag_site}", "")}
        route.fulfill(response=response, headers=response.headers | changed)

    tab.page.route("**/verification/**", without_the_application, times=1)
    tab.page.reload()
    assert f"form-action 'self' {piag_site};" in f"{policies[0]};"
    tab.fill_in("Code à 6 chiffres", people.code())
    with tab.page.expect_console_message(lambda message: "form-action" in message.text):
        tab.page.get_by_role("button", name="Valider").click()
    expect(tab.page).to_have_title("Saisir le code – Cerbère")


@pytest.mark.parametrize("path", ["/connexion/", "/verification/", "/oidc/authorize?client_id=piag"])
def test_o14_no_page_is_shown_in_a_frame_of_another_site(tab, cerbere, piag_site, path):
    tab.page.context.grant_permissions(["local-network-access"])  # else Chromium stops the frame for its own reasons
    frame = f'<!doctype html><title>Cadre</title><iframe src="{cerbere}{path}"></iframe>'
    tab.page.route("**/cadre", lambda route: route.fulfill(content_type="text/html", body=frame))
    with tab.page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        tab.open(f"{piag_site}/cadre")
    assert "Cerbère" not in tab.page.frames[1].title()
