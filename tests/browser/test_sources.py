"""The journey from PIAG to PIAG with each source of OTP Mél, over real connections to the site's services."""

import pytest

from accounts.models import Agent
from tests.support import people
from tests.support.certificates import Authority
from tests.support.fakes import fake_bnum, fake_bnum_http
from twofactor.seeds.models import ImportedSeed

pytestmark = pytest.mark.browser
CAMILLE = "camille.durand"
SERVERS = {
    "dynalogind": fake_bnum.dynalogind, "webservice": fake_bnum_http.webservice, "http": fake_bnum_http.agents,
}  # fmt: skip


@pytest.fixture
def agent(live_server) -> Agent:
    return people.make_agent(CAMILLE)


@pytest.fixture(params=["database", "imported", *SERVERS])
def site(request, settings, tmp_path, agent):
    """Yield a site of the Bnum for this kind of source, None if it has no service on the network."""
    settings.MELOTP_SOURCE = request.param
    if request.param == "database":
        people.put_on_bnum(CAMILLE)
        yield None
    elif request.param == "imported":
        imported = ImportedSeed(agent=agent, imported_at=agent.date_joined)
        imported.seal(people.CAMILLE_SECRET.encode())
        imported.save()
        yield None
    else:
        bnum, authority = fake_bnum.FakeBnum({CAMILLE: people.CAMILLE_SECRET}), Authority(tmp_path)
        settings.MELOTP_CA, settings.MELOTP_SOAP_NAMESPACE = authority.pem, fake_bnum_http.NAMESPACE
        with SERVERS[request.param](bnum, authority.issue("localhost")) as settings.MELOTP_URL:
            yield bnum


def to_the_code_page(tab, piag):
    tab.open(piag)
    tab.press("S'authentifier avec Cerbère")
    tab.sign_in()
    tab.is_on("Accès interdit – PIAG – Cerbère", 403)
    tab.follow("Activer OTP Mél et continuer vers PIAG")


def test_the_journey_ends_in_piag(tab, piag_site, site):
    to_the_code_page(tab, piag_site)
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.is_on("Méthode activée – Cerbère")
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")
    tab.check_text("eidas2 (deux facteurs)")


@pytest.mark.parametrize("site", SERVERS, indirect=True)
def test_f09_a_site_in_trouble_is_told_and_the_journey_goes_on_where_it_stopped(tab, piag_site, site):
    to_the_code_page(tab, piag_site)
    site.mode = "reset"
    tab.send_code(people.code())
    tab.is_on("OTP Mél indisponible – Cerbère", 503)
    tab.check_text("Aucun essai n’a été compté.")
    site.mode = "good"
    tab.follow("Réessayer")
    tab.is_on("Saisir le code – Cerbère")
    tab.send_code(people.code())
    tab.follow("Continuer vers PIAG")
    tab.is_on("Assistant – PIAG")
