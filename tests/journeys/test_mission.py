"""The journey of the user's guide, word for word, without a browser."""

import html
import re

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.people import CAMILLE_SECRET, answer, code

REFUSAL = (
    "Accès interdit, authentification trop faible (mot de passe < authentification 2 facteurs requis). "
    "Aucune méthode d'authentification à deux facteurs n'est activée pour votre compte. "
    "Pour activer une méthode, allez sur la page de gestion de votre compte"
)
SUCCESS = "Authentification 2 facteurs activée avec succès pour la méthode OTP Mél."


def text(response):
    """Return the text of the page, spaces folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", response.text)).split())


@pytest.mark.django_db
def test_the_journey(browser, camille, piag):
    login = browser.follow_inside(browser.authorize())
    assert "Pour accéder à PIAG." in text(login)
    refusal = browser.follow_inside(browser.sign_in(page=login))
    assert refusal.status_int == 403
    assert REFUSAL in text(refusal)
    account = refusal.click("page de gestion de votre compte")
    assert "Mon compte (Camille Durand)" in text(account)
    assert "Authentification à deux facteurs" in text(account)
    chosen = next(form for form in account.forms.values() if "methode" in form.fields)
    assert chosen["methode"].value == "otp_mel"
    code_page = browser.follow_inside(chosen.submit())
    success = browser.follow_inside(browser.send_code(code_page, code(CAMILLE_SECRET)))
    assert SUCCESS in text(success)
    back = browser.follow_inside(success.click("Continuer vers PIAG"))
    given = answer(back)
    assert (given["state"], given["iss"]) == ("a-state", "http://localhost:8000")
    tokens = browser.token(given["code"]).json
    keys = KeySet.import_key_set(browser.get("/oidc/jwks").json)
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["acr"], claims["amr"]) == ("eidas2", ["pwd", "otp", "mfa"])
    assert (claims["uid"], claims["nonce"], claims["aud"]) == ("camille.durand", "a-nonce", "piag")
