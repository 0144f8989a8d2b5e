"""Applications in the administration: which addresses they may have, and their secret, shown once."""

import re

import pytest

from accounts.models import AgentSession
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.provider.clients.models import Client
from tests.support.admin import find_row_form, run_admin_action
from tests.support.people import CALLBACK

pytestmark = pytest.mark.django_db
SECRET = re.compile(r"<dd><code>([\w-]{43})</code>")


def fill(browser, uris=CALLBACK, **fields):
    form = find_row_form(browser.get("/admin/provider/client/add/"))
    for name, value in ({"client_id": "wiki", "name": "Wiki", "redirect_uris": uris} | fields).items():
        form[name] = value
    return form.submit()


BAD = ["http://wiki.example.fr/cb", "https://*.example.fr/cb", "https://wiki.example.fr/cb#top", "https://wiki.example.fr/*",
       "javascript:alert(1)", "https:///cb", "/cb", "https://user:pass@wiki.example.fr/cb", "https://wiki.example.fr\\cb",
       "ftp://wiki.example.fr/", "https://wiki.example.fr:99999/", "data:text/html,x", "https://wïki.example.fr/",
       "http://127.0.0.1.evil.test/cb", f"https://wiki.example.fr/{'x' * 2000}", f"{CALLBACK}\n{CALLBACK}"]  # fmt: skip


def test_a05_an_unsafe_address_is_refused(chief):
    for uri in BAD:
        answer = fill(chief, uri)
        assert answer.status_int == 200, uri
        assert 'class="errorlist"' in answer.text, uri
    assert not Client.objects.exists()


def test_a05_so_is_an_unsafe_address_after_logout(chief):
    assert fill(chief, post_logout_redirect_uris="http://wiki.example.fr/").status_int == 200
    assert not Client.objects.exists()


@pytest.mark.parametrize("fields", [{"claims": "email\nfoo"}, {"acr_password": "a b"}, {"acr_two_factor": "é"}])
def test_names_that_mean_nothing_are_refused_as_in_the_file(chief, fields):
    assert "errorlist" in fill(chief, **fields).text
    assert not Client.objects.exists()


def test_a05_an_address_is_needed(chief):
    assert "errorlist" in fill(chief, "").text


@pytest.mark.parametrize("uri", [f"{CALLBACK}?oidc=1", "http://localhost:8001/oidc/callback/", "http://127.0.0.1:1/cb"])
def test_a05_a_sound_address_is_kept_exactly(chief, uri):
    fill(chief, uri)
    assert Client.objects.get().redirect_uris == [uri]


def test_the_secret_is_shown_once_and_works(chief, browser):
    secret = SECRET.search(fill(chief).text)[1]
    assert Client.objects.get().check_secret(secret)
    assert secret not in str([row.get_decoded() for row in AgentSession.objects.all()])
    for address in ("/admin/provider/client/", f"/admin/provider/client/{Client.objects.get().pk}/change/", "/admin/"):
        assert secret not in chief.get(address).text
    assert SECRET.search(chief.get("/admin/provider/client/").text) is None
    event = AuditEvent.objects.get(name=Event.CLIENT_CHANGED_BY_ADMIN)
    assert (event.actor, event.client_id) == ("chief", "wiki")
    assert secret not in str(event.detail)


def test_a_change_keeps_the_secret(chief):
    secret = SECRET.search(fill(chief).text)[1]
    form = find_row_form(chief.get(f"/admin/provider/client/{Client.objects.get().pk}/change/"))
    form["name"] = "Wiki <script>"
    answer = form.submit().follow()
    assert "<script>alert" not in answer.text
    assert "Wiki <script>" not in answer.text
    assert Client.objects.get().check_secret(secret)


def test_renewing_leaves_the_old_secret_valid_until_it_is_forgotten(chief):
    old = SECRET.search(fill(chief).text)[1]
    new = SECRET.search(run_admin_action(chief, "provider/client", "renew_secret", Client.objects.get()).text)[1]
    assert new != old
    client = Client.objects.get()
    assert (client.check_secret(old), client.check_secret(new)) == (True, True)
    run_admin_action(chief, "provider/client", "forget_previous_secret", client)
    client = Client.objects.get()
    assert (client.check_secret(old), client.check_secret(new)) == (False, True)
    assert AuditEvent.objects.filter(name=Event.CLIENT_CHANGED_BY_ADMIN, detail__fields="secret").count() == 1


def test_renewing_twice_kills_the_first_secret(chief):
    first = SECRET.search(fill(chief).text)[1]
    for _ in range(2):
        run_admin_action(chief, "provider/client", "renew_secret", Client.objects.get())
    assert not Client.objects.get().check_secret(first)
