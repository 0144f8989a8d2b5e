"""Every error page of Cerbère, in four variants: in French, with a reference, and with a way on."""

import pytest
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError

from tests.support.browser.checks import check_thoroughly
from tests.support.browser.tab import Gallery, Stage, ask

pytestmark = pytest.mark.browser
GALLERY = Gallery("Cerbère")
picture, plain = GALLERY.picture, GALLERY.plain

plain("erreur-404", "/nulle-part/", "Page introuvable", 404)
plain("demande-impossible", "/oidc/authorize?client_id=inconnu", "Demande impossible", 400)


@picture("Page expirée", 403)
def erreur_403_page_expiree(stage):
    ask(stage.tab)
    stage.tab.page.context.clear_cookies()
    stage.tab.sign_in()


def fail_with(stage: Stage, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    stage.monkeypatch.setattr("cerbere.portal.views.make_reference", fail)
    stage.tab.open("/telephone-perdu/")


@picture("Demande incorrecte", 400)
def erreur_400(stage):
    fail_with(stage, SuspiciousOperation())


@picture("Erreur inattendue", 500)
def erreur_500(stage):
    fail_with(stage, ValueError())


@picture("Service momentanément indisponible", 503)
def erreur_503(stage):
    fail_with(stage, OperationalError())


@picture("Accès refusé", 403)
def erreur_403(stage):
    stage.tab.open("/connexion/?next=/admin/")
    stage.tab.sign_in()


@pytest.mark.parametrize("wanted", GALLERY, ids=str)
def test_page(tab, camille, piag, monkeypatch, wanted):
    wanted.reach(Stage(tab, camille, monkeypatch))
    tab.is_on(wanted.title, wanted.status)
    check_thoroughly(tab.page, wanted.name)
