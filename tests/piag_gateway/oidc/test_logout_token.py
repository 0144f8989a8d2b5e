"""Cerbère's own logout tokens, held against the rules of its client PIAG: no process, no socket (row X07)."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from cerbere.provider.logout import back_channel
from cerbere.provider.logout.models import LogoutNotice
from piag_gateway.faults import TokenRefused
from piag_gateway.oidc.id_token import Expectations
from piag_gateway.oidc.keys import import_signing_keys, select_key
from piag_gateway.oidc.logout_token import decode_logout_token


@pytest.fixture
def notice(piag, camille):
    return LogoutNotice(pk=7, client=piag, agent=camille, sid=uuid4(), attempts=1)


@pytest.fixture
def keys(browser):
    return list(import_signing_keys(browser.get("/oidc/jwks").json["keys"]))


def accepted(notice, keys, issued, client_id="piag"):
    token = back_channel.make_logout_token(notice, issued)
    expected = Expectations(issuer=settings.PUBLIC_URL, client_id=client_id, now=time.time())
    return decode_logout_token(token, lambda header: select_key(keys, header), expected)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_x07_what_cerbere_sends_is_accepted(notice, keys, piag, algorithm):
    piag.id_token_alg = algorithm
    claims = accepted(notice, keys, timezone.now())
    assert claims["sid"] == str(notice.sid)
    assert len(claims["jti"]) < 255


def test_x07_it_is_for_one_client(notice, keys):
    with pytest.raises(TokenRefused, match="aud"):
        accepted(notice, keys, timezone.now(), "wiki")


def test_x07_it_is_for_some_minutes(notice, keys):
    with pytest.raises(TokenRefused, match="exp"):
        accepted(notice, keys, timezone.now() - timedelta(minutes=4))
