"""An environment that is unsafe or cannot be used stops the start, with one clear line for each fault."""

import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cerbere import env
from tests.support.environment import GOOD_NAMES, get_minimal_environment
from tests.support.paths import ROOT

pytest_plugins = ["tests.support.fixtures.settings"]


def pem(key, password=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password or NoEncryption()).decode()


WEAK_RSA = pem(rsa.generate_private_key(65537, 1024))
OTHER_EC = pem(ec.generate_private_key(ec.SECP384R1()))
GOOD_EC = pem(ec.generate_private_key(ec.SECP256R1()))


def test_a06_the_least_environment_is_sound(faults):
    assert faults({}) == []
    assert faults({"CERBERE_PUBLIC_URL": "http://localhost:8000"}) == []
    assert faults({"CERBERE_PUBLIC_URL": "http://127.0.0.1:8000", "CERBERE_DEMO": "1"}) == []


UNSAFE = {
    "debug": ({"CERBERE_DEBUG": "1"}, "CERBERE_DEBUG must not be on"),
    "demo": ({"CERBERE_DEMO": "1"}, "CERBERE_DEMO must not be on"),
    "no secret key": ({"CERBERE_SECRET_KEY": None}, "CERBERE_SECRET_KEY is missing"),
    "short secret key": ({"CERBERE_SECRET_KEY": "0123456789abcdef0123456789abcde"}, "CERBERE_SECRET_KEY"),
    "default secret key": ({"CERBERE_SECRET_KEY": f"django-insecure-{'abcdefgh' * 9}"}, "CERBERE_SECRET_KEY"),
    "one letter": ({"CERBERE_SECRET_KEY": "x" * 64}, "CERBERE_SECRET_KEY"),
    "weak old key": ({"CERBERE_SECRET_KEY_FALLBACKS": "0123456789abcdef0123456789abcdef old"}, "_FALLBACKS holds"),
    "http": ({"CERBERE_PUBLIC_URL": "http://cerbere.example.fr"}, "CERBERE_PUBLIC_URL must be https"),
    "http on a look-alike": ({"CERBERE_PUBLIC_URL": "http://localhost.example.fr"}, "CERBERE_PUBLIC_URL must be https"),
    "table": ({"CERBERE_MELOTP_TABLE": "dynalogin_user; DROP TABLE x"}, "CERBERE_MELOTP_TABLE is not the name"),
    "no source": ({"CERBERE_MELOTP_SOURCE": None}, "CERBERE_MELOTP_DATABASE_URL is missing"),
    "short salt": ({"CERBERE_PAIRWISE_SALT": "pepper"}, "CERBERE_PAIRWISE_SALT is shorter"),
    "no seed key": ({"CERBERE_SEED_KEYS": None}, "CERBERE_SEED_KEYS cannot be used: no key"),
    "short seed key": ({"CERBERE_SEED_KEYS": "a:MDEyMzQ1Njc4OWFiY2RlZg=="}, "CERBERE_SEED_KEYS cannot be used"),
    "seed key not base64": ({"CERBERE_SEED_KEYS": "a:ééé"}, "CERBERE_SEED_KEYS cannot be used"),
    "second seed key bad": ({"CERBERE_SEED_KEYS": f"{os.environ['CERBERE_SEED_KEYS']} b:x"}, "CERBERE_SEED_KEYS"),
    "no signing key": ({"CERBERE_SIGNING_KEYS": None}, "CERBERE_SIGNING_KEYS cannot be used: an RSA"),
    "words for a key": ({"CERBERE_SIGNING_KEYS": "changeme"}, "CERBERE_SIGNING_KEYS cannot be used: an RSA"),
    "weak RSA": ({"CERBERE_SIGNING_KEYS": WEAK_RSA}, "CERBERE_SIGNING_KEYS cannot be used: only RSA of 2048"),
    "other curve": ({"CERBERE_SIGNING_KEYS": OTHER_EC}, "CERBERE_SIGNING_KEYS cannot be used: only RSA of 2048"),
    "EC alone": ({"CERBERE_SIGNING_KEYS": GOOD_EC}, "CERBERE_SIGNING_KEYS cannot be used: an RSA"),
    "torn key": ({"CERBERE_SIGNING_KEYS": WEAK_RSA[:100] + WEAK_RSA[-60:]}, "CERBERE_SIGNING_KEYS cannot be used"),
}


@pytest.mark.parametrize(("changes", "line"), UNSAFE.values(), ids=UNSAFE)
def test_a06_an_unsafe_environment_is_one_line(faults, changes, line):
    found = faults(changes)
    assert len(found) == 1
    assert line in found[0]
    assert "\n" not in found[0]


UNUSABLE = {
    "CERBERE_PUBLIC_URL": [
        "cerbere.example.fr", "https://", "https://cerbere.example.fr/", "https://cerbere.example.fr/sso",
        "ftp://cerbere.example.fr", "https://user:pass@cerbere.example.fr", "https://cerbere.example.fr:99999",
        "https://cerbere.example.fr:port", "https://[::1", "https://exa mple.fr", "https://exámple.fr", "",
        "https://Cerbere.example.fr", "https://cerbere.example.fr?x", "https://cerbere.example.fr#x", "https://*",
    ],
    "CERBERE_DATABASE_URL": [
        "", "cerbere", "mysql://localhost/cerbere", "postgresql://localhost:port/cerbere", "http://localhost/",
        "postgresql://localhost/cerbere?pool_size=8", "postgresql://localhost/cerbere?pool=true",
        "postgresql://localhost/cerbere?conn_max_age=60",
    ],
    "CERBERE_CACHE_URL": ["localhost:6379", "http://localhost", "memcached://localhost"],
    "CERBERE_MELOTP_DATABASE_URL": ["nothing", "oracle://localhost/x"],
    "CERBERE_EMAIL_PORT": ["0", "65536", "-1", "smtp", "25.0", " 25", "٢٥", "1" * 5000, "1e3", ""],
    "CERBERE_TRUSTED_PROXIES": ["6", "one"],
    "CERBERE_SESSION_IDLE_MINUTES": ["0", "1441"],
    "CERBERE_SESSION_ABSOLUTE_MINUTES": ["4"],
    "CERBERE_SECOND_FACTOR_MINUTES": ["4"],
    "CERBERE_OTP_TOLERANCE": ["3"],
    "CERBERE_AUDIT_DAYS": ["0"],
    "CERBERE_DEBUG": ["true", "yes", "", "2"],
    "CERBERE_DEMO": ["on"],
    "CERBERE_EMAIL_STARTTLS": ["True"],
    "CERBERE_LOG_LEVEL": ["TRACE", "debug"],
    "CERBERE_MELOTP_SOURCE": ["soap", ""],
    "CERBERE_MELOTP_SECONDS": ["0", "3", "0.3"],
    "CERBERE_MELOTP_SOAP_QUALIFIED": ["yes"],
    "CERBERE_MELOTP_ENCODING": ["ascii"],
    "CERBERE_ACCESSIBILITE": ["conforme"],
    "CERBERE_TIME_ZONE": ["", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime"],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in UNUSABLE for value in UNUSABLE[name]])
def test_a_value_that_cannot_be_used_is_one_line_that_names_it(read, name, value):
    with pytest.raises(SystemExit) as stop:
        read(get_minimal_environment() | {name: value})
    line = str(stop.value)
    assert line.startswith(f"cerbere: {name}: ")
    assert "\n" not in line
    assert "pass@" not in line


@pytest.mark.parametrize("url", ["https://cerbere.example.fr:8443", "http://[::1]:8000", "http://127.0.0.1"])
def test_an_origin_with_a_port_or_an_address_can_be_used(read, url):
    assert read(get_minimal_environment() | {"CERBERE_PUBLIC_URL": url})["PUBLIC_URL"] == url


def test_name_file_holds_the_value(read, tmp_path):
    (tmp_path / "contact").write_text("  assistance, poste 12\n")
    values = read(get_minimal_environment() | {"CERBERE_ASSISTANCE_FILE": str(tmp_path / "contact")})
    assert values["SUPPORT_CONTACT"] == "assistance, poste 12"


def test_the_value_itself_goes_before_the_file(read, tmp_path):
    both = {"CERBERE_ASSISTANCE": "here", "CERBERE_ASSISTANCE_FILE": str(tmp_path / "none")}
    assert read(get_minimal_environment() | both)["SUPPORT_CONTACT"] == "here"


@pytest.mark.parametrize("name", [*GOOD_NAMES, "CERBERE_DATABASE_URL", "CERBERE_EMAIL_PORT"])
@pytest.mark.parametrize("fault", ["missing", "a directory", "not text"])
def test_f17_a_file_that_cannot_be_read_is_one_line(read, tmp_path, name, fault):
    path = tmp_path / ("none" if fault == "missing" else "")
    if fault == "not text":
        path = tmp_path / "bytes"
        path.write_bytes(b"\xff\xfe\x00")
    environment = {key: value for key, value in get_minimal_environment().items() if key != name}
    with pytest.raises(SystemExit, match=f"^cerbere: {name}_FILE: cannot be read"):
        read(environment | {f"{name}_FILE": str(path)})


def test_a_seed_key_is_never_quoted(faults):
    key = os.environ["CERBERE_SEED_KEYS"].partition(":")[2]
    assert key not in str(faults({"CERBERE_SEED_KEYS": key}))


def run(environment, *command):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CERBERE_", "DJANGO_"))}
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=clean | environment, capture_output=True, text=True)


ALL_AT_ONCE = {
    "CERBERE_DEBUG": "1", "CERBERE_SECRET_KEY": "", "CERBERE_PUBLIC_URL": "http://cerbere.example.fr",
    "CERBERE_MELOTP_TABLE": "a b", "CERBERE_MELOTP_SOURCE": "database", "CERBERE_SEED_KEYS": "",
    "CERBERE_SIGNING_KEYS": "",
}  # fmt: skip


def test_a06_the_program_does_not_start_and_says_every_fault_once():
    done = run(get_minimal_environment() | ALL_AT_ONCE, "-c", "import cerbere.wsgi")
    lines = done.stderr.splitlines()
    assert done.returncode == 4
    assert done.stdout == ""
    assert all(line.startswith("cerbere: CERBERE_") for line in lines)
    assert [line.split()[1] for line in lines] == [
        "CERBERE_DEBUG", "CERBERE_SECRET_KEY", "CERBERE_PUBLIC_URL", "CERBERE_MELOTP_TABLE",
        "CERBERE_MELOTP_DATABASE_URL", "CERBERE_SEED_KEYS", "CERBERE_SIGNING_KEYS",
    ]  # fmt: skip


def test_a06_nor_does_it_pass_the_check_command():
    done = run(get_minimal_environment() | ALL_AT_ONCE, "manage.py", "check")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    for name in ("CERBERE_DEBUG", "CERBERE_SECRET_KEY", "CERBERE_SIGNING_KEYS"):
        assert done.stderr.count(f"{name} ") == 1


@pytest.mark.parametrize("command", [("-c", "import cerbere.wsgi"), ("manage.py", "check")])
def test_f17_a_missing_signing_key_file_stops_the_start(command):
    environment = {name: value for name, value in get_minimal_environment().items() if name != "CERBERE_SIGNING_KEYS"}
    done = run(environment | {"CERBERE_SIGNING_KEYS_FILE": "/none"}, *command)
    assert done.returncode != 0
    assert done.stderr == "cerbere: CERBERE_SIGNING_KEYS_FILE: cannot be read (FileNotFoundError)\n"


def test_a_sound_environment_starts_in_silence():
    done = run(get_minimal_environment(), "-c", "import cerbere.wsgi")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


def test_settings_that_are_read_are_remembered(monkeypatch):
    monkeypatch.setattr(env, "READ", {})
    monkeypatch.delenv("SOME_NAME", raising=False)
    assert env.number("SOME_NAME", 3, 1, 9) == 3
    assert env.READ == {"SOME_NAME": "3"}
