"""Several nodes behind HAProxy: who is asked when one is not ready, or gone."""

import re

import pytest

from tests.support.servers.haproxy import running_haproxy
from tests.support.servers.piag import SECRET_KEY
from tests.support.servers.programs import clean_environment, free_port
from tests.support.servers.proxy import SITES, parse_echo, status
from tests.support.servers.serving import running_server
from tests.support.servers.site import environment

READY, UNREADY, GONE = "UP L7OK", "DOWN L7STS", "DOWN L4CON"


@pytest.fixture
def nodes(tmp_path):
    """Yield two nodes, each ready while its file exists."""
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    one, two = (
        running_server("tests.support.fakes.echo", place, "--workers=1", ECHO_READY=str(place / "ready"))
        for place in places
    )
    with one as first, two as second:
        for place in places:
            (place / "ready").touch()
        yield first, second


@pytest.fixture
def ready(tmp_path):
    return [tmp_path / name / "ready" for name in ("one", "two")]


@pytest.fixture
def haproxy(nodes, tmp_path):
    ports = tuple(node.port for node in nodes)
    with running_haproxy(tmp_path, ports, ports) as haproxy:
        yield haproxy


def who_answer(haproxy):
    """Return the workers of a node, found the same way for both programs."""
    each = [{str(parse_echo(haproxy.answer("GET /", host=host))["pid"]) for _ in range(6)} for host in SITES]
    assert each[0] == each[1]
    return each[0]


def test_a_node_that_is_not_ready_is_left_out_until_it_is(haproxy, nodes, ready):
    haproxy.wait_until_nodes_are(cerbere1=READY, cerbere2=READY, piag1=READY, piag2=READY)
    both = {*nodes[0].workers, *nodes[1].workers}
    assert who_answer(haproxy) == both
    ready[0].unlink()
    haproxy.wait_until_nodes_are(cerbere1=UNREADY, cerbere2=READY, piag1=UNREADY, piag2=READY)
    assert who_answer(haproxy) == set(nodes[1].workers)
    ready[0].touch()
    haproxy.wait_until_nodes_are(cerbere1=READY, piag1=READY)
    assert who_answer(haproxy) == both


def test_when_none_is_ready_they_tell_it_themselves(haproxy, nodes, ready):
    for each in ready:
        each.unlink()
    haproxy.wait_until_nodes_are(cerbere1=UNREADY, cerbere2=UNREADY, piag1=UNREADY, piag2=UNREADY)
    assert who_answer(haproxy) == {*nodes[0].workers, *nodes[1].workers}


def test_a_request_that_a_node_refuses_is_made_to_another_one(nodes, tmp_path):
    ports = tuple(node.port for node in nodes)
    with running_haproxy(tmp_path, ports, ports, **{"inter 2s": "inter 60s"}) as haproxy:
        haproxy.wait_until_nodes_are(cerbere1=READY, cerbere2=READY)
        nodes[0].kill(nodes[0].process.pid, *nodes[0].workers)
        nodes[0].wait_until(lambda: not nodes[0].is_open())
        assert who_answer(haproxy) == set(nodes[1].workers)


def test_the_programs_themselves_are_ready_for_it(tmp_path):
    cerbere = environment("sqlite://", CERBERE_PUBLIC_URL="https://localhost", CERBERE_TRUSTED_PROXIES="1")
    piag = clean_environment() | {
        "DJANGO_SETTINGS_MODULE": "piag_gateway.settings", "PIAG_PUBLIC_URL": "https://piag.test",
        "PIAG_TRUSTED_PROXIES": "1", "PIAG_SECRET_KEY": SECRET_KEY, "PIAG_DATABASE_URL": "sqlite://",
        "PIAG_OIDC_ISSUER": "https://localhost", "PIAG_OIDC_CLIENT_SECRET": "unused",
    }  # fmt: skip
    (tmp_path / "piag").mkdir()
    with (
        running_server("cerbere.wsgi", tmp_path, "--workers=1", **cerbere) as first,
        running_server("piag_gateway.wsgi", tmp_path / "piag", "--workers=1", **piag) as second,
        running_haproxy(tmp_path, (first.port, free_port()), (second.port, free_port())) as haproxy,
    ):
        haproxy.wait_until_nodes_are(cerbere1=READY, cerbere2=GONE, piag1=READY, piag2=GONE)
        assert "issuer" in haproxy.answer("GET /.well-known/openid-configuration")
        assert status(haproxy.answer("GET /", host="piag.test")) == 200
        request = re.search(r"(?i)\r\nX-Request-ID: (\w+)", haproxy.answer("GET /healthz"))[1]
        assert " cerbere/cerbere1 GET /healthz 200 " in haproxy.wait_for_log(request)
