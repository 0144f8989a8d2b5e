"""Every page of Cerbère and every state of it, in four variants. The pictures in artifacts/ bear these names."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Agent, AgentSession, Attempts
from tests.support import people
from tests.support.browser.checks import check_budget, check_thoroughly
from tests.support.browser.tab import Gallery, Stage, ask
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.sources import SourceUnavailable
from twofactor.sources.database import DatabaseSource

pytestmark = pytest.mark.browser
GALLERY = Gallery("Cerbère")
picture, plain = GALLERY.picture, GALLERY.plain

plain("accueil", "/", "Accueil")
plain("mot-de-passe-oublie", "/mot-de-passe-oublie/", "Mot de passe oublié")
plain("telephone-perdu", "/telephone-perdu/", "Je n’ai plus mon téléphone")
plain("aide", "/aide/", "Aide")
plain("plan-du-site", "/plan-du-site/", "Plan du site")
plain("accessibilite", "/accessibilite/", "Déclaration d’accessibilité")
plain("mentions-legales", "/mentions-legales/", "Mentions légales")
plain("donnees-personnelles", "/donnees-personnelles/", "Données personnelles")
plain("deconnexion-faite", "/deconnexion/faite/", "Déconnexion")


def lock_out(agent: Agent) -> None:
    until = timezone.now() + timedelta(minutes=10)
    Attempts.objects.create(key=f"account:{agent.uuid}", failures=7, locked_until=until)


def enrolled(stage: Stage) -> OtpMelDevice:
    return people.activate_otp_mel(stage.camille)


def unavailable(*_: object) -> None:
    raise SourceUnavailable


@picture("Accueil")
def accueil_d_un_service_de_l_etat(stage):
    """Open the home page with BRAND set, which adds the State's block and its links."""
    stage.monkeypatch.setattr(settings, "BRAND", "Ministère\nde la Transition\nécologique")
    stage.tab.open("/")


@picture("Connexion")
def connexion(stage):
    ask(stage.tab)


@picture("Erreur – Connexion")
def connexion_erreur(stage):
    ask(stage.tab)
    stage.tab.sign_in(password="a wrong one")


@picture("Erreur – Connexion")
def connexion_vide(stage):
    ask(stage.tab)
    stage.tab.press("Connexion")


@picture("Erreur – Connexion", 429)
def connexion_trop_d_essais(stage):
    lock_out(stage.camille)
    ask(stage.tab)
    stage.tab.sign_in()


@picture("Connexion")
def session_expiree(stage):
    ask(stage.tab)
    stage.tab.sign_in()
    AgentSession.objects.update(expire_date=timezone.now())
    stage.tab.open("/compte/")


@picture("Accès interdit – PIAG", 403)
def acces_interdit(stage):
    ask(stage.tab)
    stage.tab.sign_in()


@picture("Accueil")
def accueil_connecte(stage):
    acces_interdit(stage)
    stage.tab.open("/")


@picture("Mon compte")
def mon_compte(stage):
    acces_interdit(stage)
    stage.tab.open("/compte/")


@picture("Mon compte")
def mon_compte_active(stage):
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    tomorrow = timezone.now() + timedelta(days=1)
    AgentSession.objects.create(
        session_key="elsewhere", agent=stage.camille, address="192.0.2.44", user_agent=agent, expire_date=tomorrow
    )
    verification(stage)
    stage.tab.open("/compte/")


def account_of(uid: str) -> Callable[[Stage], None]:
    def reach(stage: Stage) -> None:
        stage.tab.open("/connexion/")
        stage.tab.sign_in(uid)

    return reach


@picture("Mon compte")
def mon_compte_sans_bnum(stage):
    people.make_agent("sasha.petit")
    account_of("sasha.petit")(stage)


@picture("Mon compte")
def mon_compte_bloque_sur_le_bnum(stage):
    people.put_on_bnum("camille.durand", locked=1)
    account_of("camille.durand")(stage)


@picture("Mon compte")
def mon_compte_bnum_en_panne(stage):
    stage.monkeypatch.setattr(DatabaseSource, "look_up", unavailable)
    account_of("camille.durand")(stage)


@picture("Saisir le code")
def saisir_le_code(stage):
    acces_interdit(stage)
    stage.tab.follow("Activer OTP Mél et continuer vers PIAG")


@picture("Erreur – Saisir le code")
def saisir_le_code_refuse(stage):
    saisir_le_code(stage)
    stage.tab.send_code(people.wrong_code())


@picture("Erreur – Saisir le code")
def saisir_le_code_vide(stage):
    saisir_le_code(stage)
    stage.tab.press("Valider")


@picture("Erreur – Saisir le code", 429)
def saisir_le_code_trop_d_essais(stage):
    saisir_le_code(stage)
    until = timezone.now() + timedelta(minutes=4)
    OtpMelDevice.objects.create(user=stage.camille, failures=7, locked_until=until)
    stage.tab.send_code(people.code())


@picture("Erreur – Saisir le code", 429)
def verification_fermee(stage):
    verification(stage)
    OtpMelDevice.objects.update(failures=50)
    stage.tab.send_code(people.code())


@picture("Saisir le code")
def verification(stage):
    enrolled(stage)
    ask(stage.tab)
    stage.tab.sign_in()


@picture("Méthode activée")
def methode_activee(stage):
    saisir_le_code(stage)
    stage.tab.send_code(people.code())


@picture("Méthode activée")
def methode_activee_sans_service(stage):
    stage.tab.open("/connexion/?next=/compte/deux-facteurs/otp-mel/")
    stage.tab.sign_in()
    stage.tab.send_code(people.code())


@picture("Méthode activée")
def methode_activee_pour_une_page(stage):
    stage.tab.open("/connexion/?next=/compte/deux-facteurs/otp-mel/%3Fnext=/admin/")
    stage.tab.sign_in()
    stage.tab.send_code(people.code())


@picture("OTP Mél indisponible")
def otp_mel_sans_bnum(stage):
    people.make_agent("sasha.petit")
    stage.tab.open("/connexion/?next=/compte/deux-facteurs/otp-mel/")
    stage.tab.sign_in("sasha.petit")


@picture("OTP Mél indisponible", 503)
def otp_mel_bnum_en_panne(stage):
    saisir_le_code(stage)
    stage.monkeypatch.setattr(DatabaseSource, "look_up", unavailable)
    stage.tab.send_code(people.code())


@picture("Retirer OTP Mél")
def retirer_otp_mel(stage):
    enrolled(stage)
    stage.tab.sign_in_with_code()
    stage.tab.follow("Retirer OTP Mél")


@picture("Mon compte")
def mon_compte_methode_retiree(stage):
    retirer_otp_mel(stage)
    stage.tab.send_code(people.code(steps=1), "Retirer la méthode")


@picture("Votre configuration Bnum a changé")
def configuration_changee(stage):
    verification(stage)
    people.put_on_bnum("camille.durand", people.DOMINIQUE_SECRET)
    stage.tab.send_code(people.code(people.DOMINIQUE_SECRET))


@picture("Erreur – Votre configuration Bnum a changé")
def configuration_changee_erreur(stage):
    configuration_changee(stage)
    stage.tab.fill_in("Mot de passe", "a wrong one")
    stage.tab.send_code(people.code(people.DOMINIQUE_SECRET), "Confirmer")


@picture("Mon compte")
def mon_compte_a_confirmer(stage):
    configuration_changee(stage)
    stage.tab.open("/compte/")


@picture("Changer de mot de passe")
def changer_de_mot_de_passe(stage):
    account_of("camille.durand")(stage)
    stage.tab.follow("Changer de mot de passe")


@picture("Erreur – Changer de mot de passe")
def changer_de_mot_de_passe_erreur(stage):
    changer_de_mot_de_passe(stage)
    stage.tab.fill_in("Nouveau mot de passe", "court")
    stage.tab.press("Changer de mot de passe")


@picture("Se déconnecter")
def se_deconnecter(stage):
    account_of("camille.durand")(stage)
    stage.tab.open("/deconnexion/")


@picture("Se déconnecter")
def un_service_deconnecte(stage):
    account_of("camille.durand")(stage)
    stage.tab.open("/oidc/logout")


@pytest.mark.parametrize("wanted", GALLERY, ids=str)
def test_page(tab, camille, piag, monkeypatch, wanted):
    wanted.reach(Stage(tab, camille, monkeypatch))
    tab.is_on(wanted.title, wanted.status)
    check_thoroughly(tab.page, wanted.name)


@pytest.mark.parametrize("address", ["/", "/connexion/", "/compte/", "/compte/deux-facteurs/otp-mel/"])
def test_budget_of_a_first_visit(open_browser, camille, address):
    session = open_browser()
    session.open("/connexion/")
    session.sign_in()
    first_visit = open_browser(storage_state=session.page.context.storage_state())
    first_visit.open(address)
    first_visit.page.wait_for_load_state("networkidle")
    check_budget(first_visit.requests)
