"""Every page of PIAG, in four variants. Its own origin, its own header: nobody may take it for Cerbère."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support import people
from tests.support.browser.checks import check_budget, check_thoroughly
from tests.support.browser.tab import Gallery

pytestmark = pytest.mark.browser
GALLERY = Gallery("PIAG")
picture = GALLERY.picture


def callback(tab, site, **answer):
    """Start a sign-in, and open the callback with a right response whose parameters are partly replaced."""
    tab.open(f"{site}/assistant/")
    request = next(request.url for request in tab.requests if "/oidc/authorize?" in request.url)
    asked = parse_qs(urlsplit(request).query)
    issuer = f"{urlsplit(request).scheme}://{urlsplit(request).netloc}"
    usual = {"state": asked["state"][0], "iss": issuer}
    tab.open(f"{site}/oidc/callback/?{urlencode(usual | answer)}")


@picture("Connexion")
def piag_accueil(tab, site):
    tab.open(site)


@picture("Assistant")
def piag_assistant(tab, site):
    tab.open(f"{site}/assistant/")
    tab.sign_in()
    tab.send_code(people.code())


@picture("Accueil")
def piag_accueil_connecte(tab, site):
    piag_assistant(tab, site)
    tab.open(site)


@picture("Se déconnecter")
def piag_se_deconnecter(tab, site):
    piag_assistant(tab, site)
    tab.open(f"{site}/deconnexion/")


@picture("Connexion")
def piag_deconnecte(tab, site):
    piag_assistant(tab, site)
    tab.press("Se déconnecter (Camille Durand)")


@picture("Reprendre la connexion")
def piag_reprendre(tab, site):
    tab.open(f"{site}/oidc/callback/?code=a-code&state=of-nobody")


@picture("Erreur – Page introuvable", 404)
def piag_404(tab, site):
    tab.open(f"{site}/nulle-part/")


@picture("Erreur – Page expirée", 403)
def piag_page_expiree(tab, site):
    tab.open(site)
    tab.page.context.clear_cookies()
    tab.press("S'authentifier avec Cerbère")


@picture("Erreur – Connexion non accordée", 403)
def piag_connexion_non_accordee(tab, site):
    callback(tab, site, error="access_denied")


@picture("Erreur – Connexion interrompue", 400)
def piag_connexion_interrompue(tab, site):
    callback(tab, site, code="a-code-that-nobody-issued")


@picture("Erreur – Connexion refusée", 403)
def piag_connexion_refusee(tab, site):
    callback(tab, site, code="a-code", iss="https://somebody-else.example")


@picture("Erreur – Cerbère ne répond pas comme prévu", 502)
def piag_cerbere_ne_repond_pas(tab, site):
    callback(tab, site, error="server_error")


@pytest.mark.parametrize("wanted", GALLERY, ids=str)
def test_page(tab, piag_site, enrolled, wanted):
    wanted.reach(tab, piag_site)
    tab.is_on(wanted.title, wanted.status)
    expect(tab.page.get_by_role("banner")).to_contain_text("Portail des IA Génératives")
    check_thoroughly(tab.page, wanted.name)


def test_budget_of_a_first_visit(tab, piag_site):
    tab.open(piag_site)
    tab.page.wait_for_load_state("networkidle")
    check_budget(tab.requests)
