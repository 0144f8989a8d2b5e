"""`manage.py import_seeds` with its other formats and options, over many lines, and when it is interrupted."""

import csv
import io
import json
import stat
import sys

import pytest
from django.core.management import CommandError
from django.utils import timezone

from accounts.models import Agent
from cerbere.audit.models import AuditEvent
from cerbere.core.imports import engine
from cerbere.core.imports.engine import BATCH
from tests.support.commands import Terminal, run_command
from tests.support.imports.seed_formats import SEEDS
from tests.support.people import make_agent
from tests.twofactor.seed_formats.test_formats import BOTH, EXPECTED
from tests.twofactor.seed_formats.test_migration import account, make_migration_link
from tests.twofactor.seed_formats.test_pskc import CHECKABLE, PSK, SECRET, container, package
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seed_formats import Entry, Options, read_entries
from twofactor.seeds import import_seeds as act
from twofactor.seeds.models import ImportedSeed
from twofactor.sources.imported import ImportedSource

pytestmark = pytest.mark.django_db
CANARY = "CANARY7CANARY7CANARY7CA7"


def run(file, *options):
    return run_command("import_seeds", str(file), *options).splitlines()


def seeds():
    return {(seed.agent.uid, seed.seed) for seed in ImportedSeed.objects.select_related("agent")}


@pytest.fixture
def file(tmp_path):
    def file(content, name="file"):
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return file


@pytest.mark.parametrize("name", EXPECTED)
def test_every_export_is_imported_once(camille, dominique, name):
    lines = run(SEEDS / name, "--apply")
    assert lines[:2] == ["1 camille.durand new", "2 dominique.morel new"] or "csv" in name
    assert seeds() == set(BOTH)
    assert "new" not in run(SEEDS / name, "--apply")[-1]
    assert "unchanged: 2" in run(SEEDS / name, "--apply", "--format", EXPECTED[name][0])[-1]
    assert AuditEvent.objects.count() == 2
    assert not OtpMelDevice.objects.exists()


def test_an_encrypted_container_needs_its_key(camille, file):
    container_ = file(CHECKABLE)
    assert run(container_)[0] == "1 - bad_mac"
    assert run(container_, "--apply", "--psk-file", str(file(PSK.hex() + "\n", "key")))[0] == "1 camille.durand new"
    assert seeds() == {("camille.durand", SECRET)}


@pytest.mark.parametrize("key", ["", "canary", "é"])
def test_a_key_file_that_cannot_be_used_is_told_and_not_repeated(file, key):
    with pytest.raises(CommandError, match="32 or 64 hexadecimal digits") as error:
        run(file(CHECKABLE), "--psk-file", str(file(key, "key")))
    assert "canary" not in str(error.value)
    with pytest.raises(CommandError, match=r"no\.such\.key: No such file"):
        run(file(CHECKABLE), "--psk-file", "no.such.key")


def test_another_issuer_is_allowed_by_name(camille, file):
    links = file(make_migration_link(account(issuer=b"Portail", name=b"camille.durand")))
    assert run(links)[0] == "1 - unsupported_issuer"
    assert run(links, "--issuer", "Portail")[0] == "1 camille.durand new"


def test_a_file_that_breaks_off_keeps_what_came_before(camille, file, monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 1)
    text = container(package(), package("dominique.morel"))
    with pytest.raises(CommandError, match="not XML"):
        run(file(text[:-20]), "--apply")
    assert {uid for uid, _ in seeds()} == {"camille.durand"}
    assert run(file(text), "--apply")[0] == "1 camille.durand unchanged"


# --- Many lines ---------------------------------------------------------------------------------------


def agents(count):
    return Agent.objects.bulk_create(Agent(uid=f"agent.{n}", given_name="A", family_name="B") for n in range(count))


def entries(count, until=None):
    """Yield entries as a reader does; at `until` the disk fails."""
    for n in range(count):
        if n == until:
            raise OSError("the disk is gone")
        yield n + 2, Entry(f"agent.{n}", b"invented-%011d" % n)


def verdicts(found, apply=True):
    return [line.verdict for batch in act.import_seeds(found, timezone.now(), apply) for line in batch]


def test_a_batch_takes_few_statements(django_assert_max_num_queries):
    agents(BATCH)
    with django_assert_max_num_queries(20):  # SQLite takes 999 values a statement
        assert verdicts(entries(BATCH)) == ["new"] * BATCH
    with django_assert_max_num_queries(5):
        assert verdicts(entries(BATCH)) == ["unchanged"] * BATCH


def test_an_interrupted_import_keeps_its_batches_and_can_be_run_again(monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 10)
    agents(35)
    with pytest.raises(OSError, match="gone"):
        verdicts(entries(35, until=25))
    assert ImportedSeed.objects.count() == AuditEvent.objects.count() == 20
    assert verdicts(entries(35)) == ["unchanged"] * 20 + ["new"] * 15
    assert ImportedSeed.objects.count() == AuditEvent.objects.count() == 35


def test_each_seed_of_a_batch_is_sealed_for_its_own_agent():
    agents(3)
    verdicts(entries(3))
    for n in range(3):
        assert ImportedSource().look_up(f"agent.{n}")[1] == b"invented-%011d" % n
    one, two = ImportedSeed.objects.order_by("pk")[:2]
    one.sealed_seed = two.sealed_seed
    with pytest.raises(ValueError, match="does not open"):
        one.seed  # noqa: B018


@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize("apply", [True, False])
def test_the_first_line_of_an_agent_counts_whatever_the_batches(monkeypatch, camille, apply, size):
    monkeypatch.setattr(engine, "BATCH", size)
    found = [(1, Entry("camille.durand", b"a" * 20)), (2, Entry("camille.durand", b"b" * 20))]
    assert verdicts(iter(found), apply) == ["new", "duplicate"]


# --- What it says -------------------------------------------------------------------------------------


def test_the_verdict_file_has_a_row_a_line_for_its_owner_only(camille, file, tmp_path):
    make_agent("=formula")
    text = file(f"uid,secret\ncamille.durand,abc123\nnobody,{CANARY}\n=formula,{CANARY}\n{CANARY},x\n")
    where = tmp_path / "verdicts.csv"
    run(text, "--verdicts", str(where))
    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    with where.open(newline="") as rows:
        assert list(csv.reader(rows)) == [
            ["line", "uid", "verdict", "remark"], ["2", "camille.durand", "new", "too_short"],
            ["3", "", "unknown_agent", ""], ["4", "'=formula", "new", ""], ["5", "", "unknown_agent", ""],
        ]  # fmt: skip


def hostile(secret):
    """Return files of every format with this canary where a secret is, or could be by mistake."""
    raw = secret.encode()
    otp = {
        "type": "otp",
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps({"subType": secret}),
    }
    return {
        "csv": f"uid,secret,encoding\ncamille.durand,{secret},raw\n{secret},x,raw\ncamille.durand,x,{secret}\n",
        "dynalogin": f"userid,scheme,secret\ncamille.durand,TOTP,{secret}\n{secret},TOTP,x\nx,{secret},x\n",
        "oath-csv": f"user,seed\ncamille.durand,{raw.hex()}\n{secret},{raw.hex()}\n",
        "migration": "\n".join(
            [*map(make_migration_link, (account(raw), account(raw, name=raw, issuer=raw))), secret, ""]
        ),
        "pskc": container(package(secret=f"<PlainValue>{secret}</PlainValue>"), package(secret), f"<a>{secret}"),
        "keycloak": json.dumps({"users": [{"username": secret, "credentials": [otp]}]}) + secret,
        "lemonldap": json.dumps([{"_session_uid": secret, "_2fDevices": [{"type": "TOTP", "_secret": secret}]}]),
    }


@pytest.mark.parametrize("name", hostile(""))
def test_p05_no_secret_anywhere(camille, file, tmp_path, caplog, capsys, name, django_capture_on_commit_callbacks):
    where = tmp_path / "verdicts.csv"
    said = []
    with django_capture_on_commit_callbacks(execute=True):
        try:
            said = run(file(hostile(CANARY)[name]), "--apply", "--format", name, "--verdicts", str(where))
        except CommandError as error:
            said = [str(error)]
    audit_log = map(str, AuditEvent.objects.values_list())
    everything = " ".join([*said, caplog.text, *capsys.readouterr(), where.read_text(), *audit_log]).lower()
    assert "camille.durand" in everything or name in ("oath-csv", "keycloak", "lemonldap", "pskc")
    assert CANARY[:7].lower() not in everything
    assert CANARY.encode().hex()[:14] not in everything


@pytest.mark.parametrize(("stream", "drawn"), [(Terminal, True), (io.StringIO, False)])
def test_a_bar_is_drawn_on_a_terminal_only(camille, file, monkeypatch, stream, drawn):
    monkeypatch.setattr(sys, "stderr", error := stream())
    assert run(file(f"uid,secret\ncamille.durand,{CANARY}\n"), "--apply")[0] == "2 camille.durand new"
    assert ("lines" in error.getvalue()) is drawn
    assert CANARY not in error.getvalue()


def test_the_format_is_told_by_the_reader_of_the_standard_input_too(camille, file, monkeypatch):
    with open(file(container(package()))) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run("-")[0] == "1 camille.durand new"


def test_a_format_that_does_not_fit_says_what_is_missing(file):
    for name, match in (("csv", "columns uid and secret"), ("oath-csv", "user and seed"), ("pskc", "not XML")):
        with pytest.raises(CommandError, match=match):
            run(file("nothing,of,that\n"), "--format", name)
    assert list(read_entries(io.BufferedReader(io.BytesIO(b"nothing\n")), "dynalogin", Options())) == []
