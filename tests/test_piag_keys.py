"""Which key PIAG believes, and how often it asks for them. Pure: no process, no socket, the clock is an argument."""

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from piag_gateway.faults import ProviderFault, TokenRefused
from piag_gateway.oidc.keys import CACHE_SECONDS, MINIMUM_REFRESH_INTERVAL, KeyCache, import_signing_keys, select_key
from tests.forging_provider import EC_KEY, RSA_KEY

HEADER = {"alg": "RS256", "kid": "rsa-1"}


class Issuer:
    """Counts how often its keys are read."""

    def __init__(self, *keys):
        self.published, self.reads, self.now = list(keys), 0, 1000.0
        self.cache = KeyCache(self.read, lambda: self.now)

    def read(self):
        self.reads += 1
        return {"keys": [key.as_dict(private=False) for key in self.published]}


def public(key, **changes):
    return {**key.as_dict(private=False), **changes}


def test_keys_are_read_once_and_kept():
    issuer = Issuer(RSA_KEY)
    for _ in range(3):
        assert issuer.cache.find(HEADER).kid == "rsa-1"
    assert issuer.reads == 1


def test_withdrawn_key_is_believed_no_longer_than_the_cache():
    issuer = Issuer(RSA_KEY)
    issuer.cache.find(HEADER)
    issuer.published = [EC_KEY]
    issuer.now += CACHE_SECONDS
    with pytest.raises(TokenRefused, match="unknown_key"):
        issuer.cache.find(HEADER)


def test_new_key_is_found_by_one_more_reading():
    issuer = Issuer(RSA_KEY)
    issuer.cache.find(HEADER)
    issuer.published.append(EC_KEY)
    issuer.now += MINIMUM_REFRESH_INTERVAL
    assert issuer.cache.find({"alg": "ES256", "kid": "ec-1"}).kid == "ec-1"
    assert issuer.reads == 2


def test_flood_of_unknown_keys_does_not_hammer_the_issuer():
    issuer = Issuer(RSA_KEY)
    issuer.cache.find(HEADER)
    issuer.now += MINIMUM_REFRESH_INTERVAL
    for number in range(100):
        with pytest.raises(TokenRefused):
            issuer.cache.find({"alg": "RS256", "kid": f"unknown-{number}"})
    assert issuer.reads == 2


def test_known_keys_survive_a_flood():
    issuer = Issuer(RSA_KEY)
    issuer.now += MINIMUM_REFRESH_INTERVAL
    with pytest.raises(TokenRefused):
        issuer.cache.find({"alg": "RS256", "kid": "unknown"})
    assert issuer.cache.find(HEADER).kid == "rsa-1"


def test_empty_set_is_the_issuers_fault_and_is_not_remembered():
    issuer = Issuer()
    with pytest.raises(ProviderFault, match="no_usable_key"):
        issuer.cache.find(HEADER)
    issuer.published = [RSA_KEY]
    assert issuer.cache.find(HEADER).kid == "rsa-1"


@pytest.mark.parametrize(
    "keys",
    [
        None,
        {},
        "keys",
        [None, 1, [], {}, {"kty": "new"}, {"kty": "RSA"}, {"kty": "RSA", "n": "é", "e": []}],
        [OctKey.generate_key(256).as_dict()],
        [ECKey.generate_key("P-384").as_dict(private=False)],
        [{"kty": "RSA", "n": "wwww" * 42 + "www", "e": "AQAB"}],
    ],
    ids=["nothing", "object", "text", "rubbish", "secret", "curve", "short"],
)
def test_keys_that_cannot_verify_are_passed_over(keys):
    assert list(import_signing_keys(keys)) == []


@pytest.mark.parametrize(
    ("change", "header"),
    [
        ({"use": "enc"}, HEADER),
        ({"alg": "RS512"}, HEADER),
        ({}, {"alg": "RS256", "kid": None}),
        ({}, {"alg": "ES256", "kid": "rsa-1"}),
        ({}, {"alg": "RS384", "kid": "rsa-1"}),
        ({}, {"kid": "rsa-1"}),
    ],
)
def test_key_that_does_not_fit_is_not_picked(change, header):
    assert select_key(import_signing_keys([public(RSA_KEY, **change)]), header) is None


def test_without_key_id_two_keys_are_one_too_many():
    keys = list(import_signing_keys([public(RSA_KEY), public(RSAKey.generate_key(2048, {"kid": "rsa-2"}))]))
    assert select_key(keys, {"alg": "RS256"}) is None
    assert select_key(keys, HEADER) is not None
