"""The logout plans of the OpenID Foundation's conformance suite, each module as a test of the same name."""

import pytest

from accounts.models import AgentSession
from cerbere.provider.clients.models import Client
from cerbere.provider.logout.models import LogoutNotice
from tests.people import AFTER_LOGOUT, CLIENT_SECRET, answer

pytestmark = pytest.mark.django_db


class TestRpInitiatedLogout:
    def end(self, suite, **parameters):
        return suite.get("/oidc/logout", parameters, expect_errors=True)

    def alive(self):
        return AgentSession.objects.filter(agent__isnull=False).exists()

    def test_oidcc_rp_initiated_logout(self, suite):
        tokens, _ = suite.flow()
        response = self.end(suite, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER_LOGOUT, state="s")
        assert response.location == f"{AFTER_LOGOUT}?state=s"
        assert answer(suite.ask(prompt="none"))["error"] == "login_required"

    def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(self, suite):
        tokens, _ = suite.flow()
        response = self.end(suite, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER_LOGOUT + "bad")
        assert (response.status_int, "Location" in response.headers) == (400, False)

    def test_oidcc_rp_initiated_logout_modified_id_token_hint(self, suite):
        head, payload, signature = suite.flow()[0]["id_token"].split(".")
        flipped = ("A" if signature[10] != "A" else "B").join((signature[:10], signature[11:]))
        hint = f"{head}.{payload}.{flipped}"
        assert self.end(suite, id_token_hint=hint, post_logout_redirect_uri=AFTER_LOGOUT).status_int == 400

    def test_oidcc_rp_initiated_logout_bad_id_token_hint(self, suite):
        suite.flow()
        assert self.end(suite, id_token_hint="bad", post_logout_redirect_uri=AFTER_LOGOUT).status_int == 400

    def test_oidcc_rp_initiated_logout_no_id_token_hint(self, suite):
        self.asks_first(suite, post_logout_redirect_uri=AFTER_LOGOUT, state="s")

    def test_oidcc_rp_initiated_logout_no_params(self, suite):
        self.asks_first(suite)

    def test_oidcc_rp_initiated_logout_only_state(self, suite):
        self.asks_first(suite, state="s")

    def asks_first(self, suite, **parameters):
        suite.flow()
        page = self.end(suite, **parameters)
        assert self.alive()
        confirm = next(form for form in page.forms.values() if form.action == "/oidc/logout/confirmer")
        assert "Vous êtes déconnecté" in suite.follow_inside(confirm.submit()).text
        assert not self.alive()

    def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(self, suite):
        tokens, _ = suite.flow()
        assert "Vous êtes déconnecté" in suite.follow_inside(self.end(suite, id_token_hint=tokens["id_token"])).text

    def test_oidcc_rp_initiated_logout_no_state(self, suite):
        tokens, _ = suite.flow()
        response = self.end(suite, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER_LOGOUT)
        assert response.location == AFTER_LOGOUT

    def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(self, suite):
        tokens, _ = suite.flow()
        response = self.end(suite, id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER_LOGOUT + "?foo=bar")
        assert (response.status_int, self.alive()) == (400, True)


def test_oidcc_backchannel_rp_initiated_logout(suite):
    """The notice is queued with the logout; tests/test_logout_notices.py follows it to the application."""
    Client.objects.update(backchannel_logout_uri="https://suite.example.fr/logout")
    tokens, claims = suite.flow()
    suite.get("/oidc/logout", {"id_token_hint": tokens["id_token"]})
    notice = LogoutNotice.objects.get()
    assert (str(notice.sid), notice.client.client_id) == (claims["sid"], "suite")
    assert CLIENT_SECRET not in str(vars(notice))
