"""Discovery and keys are answered before Django, with Django's own words."""

import pytest
from django.core.wsgi import get_wsgi_application
from webtest import TestApp

from cerbere.portal.direct import Direct
from cerbere.provider import published
from cerbere.provider.published import KEPT_AT_MOST, PATHS, Published
from tests.settings import EC_KEY, RSA_KEY, _pem

pytestmark = pytest.mark.django_db
OURS = {"HTTP_HOST": "localhost:8000"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(published, "monotonic", clock)
    return clock


@pytest.fixture
def django():
    return Direct(get_wsgi_application())


@pytest.fixture
def site(django):
    return TestApp(Published(django), extra_environ=OURS)


def told(answer):
    return {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}


@pytest.mark.parametrize("path", PATHS)
def test_the_second_answer_is_the_first_with_a_request_id_of_its_own(site, django, path, clock):
    first, second = site.get(path), site.get(path)
    alone = TestApp(django, extra_environ=OURS).get(path)
    assert first.body == second.body == alone.body
    assert told(first) == told(second) == told(alone)
    assert "max-age=3600" in second.headers["Cache-Control"]
    assert "Content-Security-Policy" in second.headers
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


def test_new_keys_are_told_when_the_file_would_be_looked_at(site, clock, settings):
    settings.SIGNING_KEYS = _pem(RSA_KEY) + _pem(EC_KEY)
    both = site.get("/oidc/jwks").json["keys"]
    settings.SIGNING_KEYS = _pem(RSA_KEY)
    assert site.get("/oidc/jwks").json["keys"] == both
    clock.now = published.LOOK_EVERY
    assert len(site.get("/oidc/jwks").json["keys"]) == 1


def test_a_name_that_is_not_ours_is_refused_each_time(site, clock):
    site.get("/oidc/jwks")
    for _ in range(2):
        assert site.get("/oidc/jwks", extra_environ={"HTTP_HOST": "evil.test"}, status=400)
    assert site.get("/oidc/jwks").status_code == 200


def test_made_up_ports_do_not_fill_the_memory(site, clock):
    for port in range(2 * KEPT_AT_MOST):
        site.get("/oidc/jwks", extra_environ={"HTTP_HOST": f"localhost:{8000 + port}"})
    assert len(site.app.kept) <= KEPT_AT_MOST


@pytest.mark.parametrize("path", PATHS)
def test_who_has_it_already_is_told_so(site, path, clock):
    tag = site.get(path).headers["ETag"]
    answer = site.get(path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.body) == (304, b"")
    assert "Content-Length" not in answer.headers


def test_other_methods_are_django_s(site, clock):
    site.get("/oidc/jwks")
    assert site.post("/oidc/jwks", status=405)
    assert "Content-Length" in site.head("/oidc/jwks").headers
