"""The conformance suite's client and its browser, which sends no PKCE and runs no JavaScript."""

from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.people import Browser, answer, userinfo

ISSUER = "http://localhost:8000"


class Suite(Browser):
    """What the suite does over and over: authorize without PKCE, log in where asked, redeem, verify."""

    def ask(self, **parameters):
        no_pkce = {"code_challenge": None, "code_challenge_method": None, "scope": "openid"}
        return self.authorize("suite", **no_pkce | parameters)

    def log_in(self, response):
        """Fill in the login page if there is one, and return the authorization response."""
        page = self.follow_inside(response)
        return page if page.status_int != 200 else self.follow_inside(self.sign_in(page=page))

    def redeem(self, response, **fields):
        given = answer(response)
        assert given["iss"] == ISSUER
        return self.token(given["code"], "suite", code_verifier=None, **fields)

    def claims(self, tokens):
        """Return the ID token's claims, after verifying its signature with the published keys."""
        keys = KeySet.import_key_set(self.get("/oidc/jwks").json)
        claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["aud"]) == (ISSUER, "suite")
        return claims

    def flow(self, **parameters):
        tokens = self.redeem(self.log_in(self.ask(**parameters))).json
        return tokens, self.claims(tokens)

    def userinfo(self, tokens):
        return userinfo(self, tokens["access_token"])
