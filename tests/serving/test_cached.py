"""Discovery and keys are kept by both proxies, and nothing else is."""

import re

import pytest

from tests.support.servers.haproxy import haproxy_in_front
from tests.support.servers.nginx import nginx_in_front
from tests.support.servers.programs import free_port
from tests.support.servers.proxy import status
from tests.support.servers.serving import running_server
from tests.support.servers.site import environment

PUBLISHED = ("/.well-known/openid-configuration", "/oidc/jwks")


@pytest.fixture(scope="module", params=[nginx_in_front, haproxy_in_front], ids=["nginx", "haproxy"])
def proxy(request, tmp_path_factory):
    settings = environment("sqlite://", CERBERE_PUBLIC_URL="https://localhost", CERBERE_TRUSTED_PROXIES="1")
    with (
        running_server("cerbere.wsgi", tmp_path_factory.mktemp("cerbere"), "--workers=1", **settings) as server,
        request.param(tmp_path_factory.mktemp("proxy"), server.port, free_port()) as proxy,
    ):
        yield proxy


def request_id(answer):
    return re.search(r"(?i)\r\nX-Request-ID: (\w+)", answer)[1]


@pytest.mark.parametrize("path", PUBLISHED)
def test_a_second_application_gets_what_the_first_one_got(proxy, path):
    first = proxy.answer(f"GET {path}", "Accept-Language: fr")
    again = proxy.answer(f"GET {path}", "Accept-Language: en", "Cookie: __Host-cerbere_session=x")
    assert (status(first), status(again)) == (200, 200)
    assert request_id(first) == request_id(again)
    assert first.partition("\r\n\r\n")[2] == again.partition("\r\n\r\n")[2] != ""
    assert "set-cookie" not in again.lower()


@pytest.mark.parametrize("path", ["/healthz", "/connexion/", "/oidc/authorize", "/oidc/userinfo"])
def test_p08_nothing_else_is_kept(proxy, path):
    assert request_id(proxy.answer(f"GET {path}")) != request_id(proxy.answer(f"GET {path}"))
