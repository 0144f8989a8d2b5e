"""The server's processes: their start, their deaths, their end; nothing that they open is shared."""

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.servers.serving import Served, is_gone, running_server
from tests.support.servers.site import environment

CLOSE = "Connection: close"


def waiting(server, seconds, times):
    """Return the connections of so many requests under way."""
    pool = ThreadPoolExecutor(times)
    given = [pool.submit(server.get_echo, f"GET /wait?{seconds}") for _ in range(times)]
    time.sleep(0.3)
    return given


def both_answer(server):
    return len({server.get_echo("GET /")["pid"] for _ in range(20)}) == 2


def test_an_unsafe_cerbere_ends_with_a_line_for_each_fault(tmp_path):
    unsafe = environment("sqlite://", CERBERE_SECRET_KEY="tiny", CERBERE_PUBLIC_URL="http://cerbere.example.fr")
    server = Served("cerbere.wsgi", tmp_path / "log", **unsafe)
    assert server.process.wait(20) == 4
    said = (tmp_path / "log").read_text().splitlines()
    assert [line.split()[:2] for line in said] == [
        ["cerbere:", "CERBERE_SECRET_KEY"],
        ["cerbere:", "CERBERE_PUBLIC_URL"],
    ]


@pytest.mark.parametrize("program", ["tests.no_such_program", "tests.support.servers.serving"])
def test_a_program_that_cannot_be_loaded_ends(tmp_path, program):
    server = Served(program, tmp_path / "log")
    assert server.process.wait(20) == 1


def test_a_worker_that_is_killed_is_replaced_and_the_other_one_answers(tmp_path):
    with running_server("tests.support.fakes.echo", tmp_path) as server:
        server.wait_until(lambda: both_answer(server))
        given, victim, start = waiting(server, 1.5, 12), server.workers[0], time.monotonic()
        os.kill(int(victim), signal.SIGKILL)
        server.wait_until(lambda: len(server.workers) == 2 and victim not in server.workers)
        assert time.monotonic() - start < 20
        answered = [each.result()["pid"] for each in given if each.exception() is None]
        assert set(answered) <= set(map(int, server.workers))
        assert 0 < len(answered) < 12
        server.wait_until(lambda: both_answer(server))


def test_workers_that_die_at_their_births_end_the_server(tmp_path):
    with running_server("tests.support.fakes.echo", tmp_path) as server:
        while server.process.poll() is None:
            server.kill(*server.workers)
            server.wait_until(lambda: server.process.poll() is not None or len(server.workers) == 2)
        assert server.process.returncode == 1


def test_the_end_waits_for_what_is_under_way_and_takes_nothing_more(tmp_path):
    with (
        running_server("tests.support.fakes.echo", tmp_path) as server,
        server.send_raw("GET / HTTP/1.1", "Host: here") as idle,
    ):
        assert idle.recv(10_000)
        given, workers = waiting(server, 1, 20), server.workers  # more than there are threads
        server.process.terminate()
        server.wait_until(lambda: not server.is_open())
        assert server.process.poll() is None
        assert server.process.wait(10) == 0
        assert len([each.result() for each in given]) == 20
        assert all(map(is_gone, workers))


def test_the_end_does_not_wait_for_ever(tmp_path):
    with running_server("tests.support.fakes.echo", tmp_path, "--workers-kill-timeout=1") as server:
        [given], workers, start = waiting(server, 30, 1), server.workers, time.monotonic()
        server.process.terminate()
        assert server.process.wait(10) == 0
        assert 1 <= time.monotonic() - start < 25
        assert given.exception()
        assert all(map(is_gone, workers))


def test_more_requests_than_threads_wait_their_turn(tmp_path):
    with running_server("tests.support.fakes.echo", tmp_path, "--workers=1", "--backpressure=10") as server:
        given, start = waiting(server, 0.5, 40), time.monotonic()
        assert len([each.result() for each in given]) == 40
        assert 1.5 < time.monotonic() - start < 20


def test_metrics_are_the_sum_of_the_workers(tmp_path):
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    settings = environment(
        "sqlite://", PROMETHEUS_MULTIPROC_DIR=str(metrics), CERBERE_PUBLIC_URL="http://localhost:8000"
    )
    with running_server("cerbere.wsgi", tmp_path, **settings) as server:
        for _ in range(30):
            assert "200 OK" in server.raw("GET /healthz HTTP/1.1", "Host: localhost:8000", CLOSE)
        told = server.raw("GET /metrics HTTP/1.1", "Host: localhost:8000", CLOSE)
        assert re.search(r'cerbere_answer_seconds_count\{status="200",view="healthz"\} (\d+)', told)[1] == "30"
        server.wait_until(
            lambda: set(server.workers) <= {path.stem.rpartition("_")[2] for path in metrics.glob("*.db")}
        )


def test_a_body_over_the_limit_is_refused_unread(tmp_path):
    with running_server(
        "cerbere.wsgi", tmp_path, **environment("sqlite://", CERBERE_PUBLIC_URL="http://localhost:8000")
    ) as server:
        head = ("POST /oidc/token HTTP/1.1", "Host: localhost:8000", "Content-Type: application/x-www-form-urlencoded")
        with server.send_raw(*head, "Content-Length: 100000000", body=b"a=b") as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 4")
        assert "HTTP/1.1 400" in server.raw("GET /healthz HTTP/1.1", "Host: localhost:8000", "Host: elsewhere", CLOSE)
        assert "HTTP/1.1 400" in server.raw("GET /healthz HTTP/1.1", CLOSE)
