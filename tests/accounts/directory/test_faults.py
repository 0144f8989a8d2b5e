"""A directory that is down, slow, wrong or not who it says: a 503 in time, and nothing is counted or concluded."""

import socket
import threading
import time
from contextlib import contextmanager, suppress

import ldap
import pytest

from accounts.directory import ldap_directory
from accounts.models import Agent, AgentSession, Attempts
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from tests.support import people
from tests.support.certificates import Authority
from tests.support.directory import JEANNE_EMAIL, PASSWORD
from tests.support.people import Browser, make_agent
from tests.support.servers import slapd
from tests.support.servers.programs import free_port

pytest_plugins = ["tests.support.fixtures.directory"]
pytestmark = pytest.mark.django_db
LONGEST = 5  # seconds that an agent waits
BIND_ANSWER = bytes.fromhex("300c02010161070a010004000400")  # success of the first message: the service's bind


def sign_in(typed="jeanne.lefevre", password=PASSWORD, address="192.0.2.10"):
    """Sign in, and check that the response comes in time."""
    start = time.monotonic()
    response = Browser(address).sign_in(typed, password)
    assert time.monotonic() - start < LONGEST
    return response


def assert_unavailable(response):
    assert response.status_int == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Service momentanément indisponible" in response.text
    assert "Aucun essai de connexion n’a été compté" in response.text
    assert AuditEvent.objects.filter(name=Event.DIRECTORY_UNAVAILABLE).count() == 1
    assert not AuditEvent.objects.filter(name=Event.SIGN_IN_REFUSED).exists()
    assert not AgentSession.objects.exists()
    assert_nothing_is_counted()


def assert_nothing_is_counted():
    assert set(Attempts.objects.values_list("failures", "locked_until")) <= {(0, None)}


@contextmanager
def server(answer):
    """Accept connections on a loopback port, and hand each to `answer`."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    kept = []

    def serve_one(connection):
        with suppress(OSError):  # the client has gone
            answer(connection, ended)

    def serve():
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            threading.Thread(target=serve_one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        for each in (listener, *kept):
            each.close()


def hang(connection, ended):
    ended.wait(30)


def garbage(connection, ended):
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(range(256)) * 4)
    ended.wait(30)


def close(connection, ended):
    connection.close()


def trickle(connection, ended):
    """Send the answer byte by byte, each in time, the whole too late."""
    while not ended.wait(0.2):
        connection.sendall(b"\x30")


def promise(connection, ended):
    """Accept the bind, then send half an answer to the search."""
    connection.recv(1000)
    connection.sendall(BIND_ANSWER)
    connection.recv(1000)
    connection.sendall(bytes.fromhex("3084000010000201"))
    ended.wait(30)


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
@pytest.mark.parametrize("fault", [hang, garbage, close, trickle, promise])
def test_what_does_not_answer_as_it_should_is_unavailable(directory, settings, scheme, fault):
    with server(fault) as port:
        settings.AUTH_LDAP_SERVER_URI = f"{scheme}://127.0.0.1:{port}"
        assert_unavailable(sign_in())


def test_connection_refused(directory, settings):
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    assert_unavailable(sign_in())


def test_a_name_that_nobody_knows(directory, settings):
    settings.AUTH_LDAP_SERVER_URI = "ldaps://annuaire.invalid"
    assert_unavailable(sign_in())


@pytest.mark.parametrize("fault", ["hangs", "is gone"])
def test_a_server_that_fails_between_the_search_and_the_bind(directory, settings, monkeypatch, fault):
    """The second key under which this try was counted is given back too."""
    original = ldap_directory.LdapDirectory.search

    def search_then_fail(self, login):
        found = original(self, login)
        directory.freeze(fault == "hangs")
        if fault == "is gone":
            settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
        return found

    monkeypatch.setattr(ldap_directory.LdapDirectory, "search", search_then_fail)
    try:
        response = sign_in(JEANNE_EMAIL)
    finally:
        directory.freeze(False)
    assert_unavailable(response)
    assert Attempts.objects.count() == 3


def test_a_certificate_that_nobody_we_know_has_signed(directory, settings, tmp_path):
    settings.LDAP_CA_FILE = str(Authority(tmp_path).file)
    assert_unavailable(sign_in())


def test_a_certificate_of_another_name(directory, settings):
    """Of "localhost" libldap makes this machine's own name, which the certificate does not have either."""
    settings.AUTH_LDAP_SERVER_URI = directory.url.replace("127.0.0.1", "localhost")
    assert_unavailable(sign_in())


def test_no_setting_of_the_machine_weakens_the_check(directory, settings, tmp_path):
    """ldap.conf and LDAPRC set the library's own defaults."""
    before = ldap.get_option(ldap.OPT_X_TLS_REQUIRE_CERT)
    ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_NEVER)
    settings.LDAP_CA_FILE = str(Authority(tmp_path).file)
    try:
        assert_unavailable(sign_in())
    finally:
        ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, before)


def test_starttls(directory, settings):
    settings.AUTH_LDAP_SERVER_URI, settings.AUTH_LDAP_START_TLS = directory.plain, True
    assert sign_in().status_int == 303


def test_starttls_with_a_certificate_that_nobody_we_know_has_signed(directory, settings, tmp_path):
    settings.AUTH_LDAP_SERVER_URI, settings.AUTH_LDAP_START_TLS = directory.plain, True
    settings.LDAP_CA_FILE = str(Authority(tmp_path).file)
    assert_unavailable(sign_in())


def test_starttls_that_the_server_does_not_know_is_no_reason_to_go_on_in_clear(directory, settings):
    refused = bytes.fromhex("300c02010178070a010204000400")  # protocolError to the first message

    def without_tls(connection, ended):
        connection.recv(1000)
        connection.sendall(refused)
        seen.append(connection.recv(1000))
        told.set()

    seen, told = [], threading.Event()
    with server(without_tls) as port:
        settings.AUTH_LDAP_SERVER_URI, settings.AUTH_LDAP_START_TLS = f"ldap://127.0.0.1:{port}", True
        assert_unavailable(sign_in())
        assert told.wait(LONGEST)
        assert slapd.SERVICE_PASSWORD.encode() not in seen[0]


@pytest.mark.parametrize("change", [{"AUTH_LDAP_BIND_PASSWORD": "wrong"}, {"LDAP_BASE": "dc=elsewhere"}])
def test_a_fault_of_ours_is_never_an_agents_wrong_password(directory, settings, change):
    for name, value in change.items():
        setattr(settings, name, value)
    assert_unavailable(sign_in())


def test_a_try_that_was_never_evaluated_leaves_the_counters_as_they_were(directory, settings):
    for n in range(6):
        sign_in("jeanne.lefevre", "wrong", f"198.51.100.{n}")
    before = list(Attempts.objects.order_by("key").values_list("key", "failures", "locked_until"))
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    assert [sign_in(address="198.51.100.0").status_int for _ in range(3)] == [503] * 3
    assert list(Attempts.objects.order_by("key").values_list("key", "failures", "locked_until")) == before


def test_a_wait_that_a_try_began_goes_with_it(directory, settings):
    """After a wait the failures are still there, and one more begins the next."""
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    sign_in()
    Attempts.objects.exclude(key__startswith="source:").update(failures=7)
    assert [sign_in().status_int for _ in range(2)] == [503] * 2
    assert Attempts.objects.get(failures=7).locked_until is None


def test_who_has_a_session_goes_on_while_the_directory_is_down(directory, settings, wiki):
    browser = Browser()
    browser.sign_in("jeanne.lefevre", PASSWORD)
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    assert browser.get("/compte/").status_int == 200
    assert "code=" in browser.authorize("wiki").location


def test_a_local_administrator_signs_in_while_it_is_down(directory, settings):
    make_agent("chief", is_superuser=True)
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    assert sign_in("chief", people.PASSWORD).status_int == 303


def test_no_password_of_ours_stands_in_for_the_directorys(directory, settings):
    sign_in()
    AgentSession.objects.all().delete()
    jeanne = Agent.objects.get()
    jeanne.set_password(people.PASSWORD)
    jeanne.save()
    assert sign_in(password=people.PASSWORD).status_int == 200
    Attempts.objects.all().delete()
    AuditEvent.objects.all()._raw_delete("default")
    settings.AUTH_LDAP_SERVER_URI = f"ldaps://127.0.0.1:{free_port()}"
    assert_unavailable(sign_in(password=people.PASSWORD))


def test_a_directory_that_hangs_leaves_threads_for_the_others(directory, settings):
    with server(hang) as port:
        settings.AUTH_LDAP_SERVER_URI = f"ldap://127.0.0.1:{port}"
        for _ in range(ldap_directory.MAXIMUM_REQUESTS):
            ldap_directory.slots.acquire()
        start = time.monotonic()
        response = sign_in()
        for _ in range(ldap_directory.MAXIMUM_REQUESTS):
            ldap_directory.slots.release()
    assert_unavailable(response)
    assert time.monotonic() - start < ldap_directory.DEADLINE


def test_what_was_typed_is_in_no_log(directory, caplog):
    """An agent may type the password where the name belongs."""
    sign_in("a-password-to-look-for", "another-one-to-look-for")
    sign_in("jeanne.lefevre", "another-one-to-look-for")
    assert "to-look-for" not in caplog.text


def test_a_fault_of_ours_is_not_called_the_directorys():
    with pytest.raises(ZeroDivisionError):
        ldap_directory.ask_directory(1, lambda: 1 / 0)
