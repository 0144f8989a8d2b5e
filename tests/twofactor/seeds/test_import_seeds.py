"""`manage.py import_seeds`: one verdict a line, no secret in what it says, nothing written without --apply."""

import base64
import io
import sys
from collections import Counter
from functools import partial

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Mailbox
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.core.imports.lines import LINE_LENGTH
from tests.support.commands import import_content
from tests.support.people import CAMILLE_BASE32, CAMILLE_SECRET, DOMINIQUE_SECRET, code, make_agent
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.seeds.models import ImportedSeed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
URI = f"otpauth://totp/Bnum:camille.durand?secret={CAMILLE_BASE32}&issuer=Bnum"
HEADER = "uid,secret\n"
CSV = f"{HEADER}camille.durand,{CAMILLE_SECRET}\ndominique.morel,{DOMINIQUE_SECRET}\n"
ADD = "/compte/deux-facteurs/otp-mel/"


@pytest.fixture(autouse=True)
def _people(camille, dominique):
    """Create both accounts; the content of the Bnum does not matter here."""


@pytest.fixture
def run(tmp_path):
    """Return a function that imports a text and returns the lines of the answer."""
    return partial(import_content, "import_seeds", tmp_path / "seeds")


def seeds():
    return {seed.agent.uid: seed.seed for seed in ImportedSeed.objects.select_related("agent")}


BOTH = {"camille.durand": CAMILLE_SECRET.encode(), "dominique.morel": DOMINIQUE_SECRET.encode()}


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(run):
    assert run(CSV) == [
        "2 camille.durand new", "3 dominique.morel new", "new: 2", "Dry run: nothing was written. --apply writes.",
    ]  # fmt: skip
    assert not ImportedSeed.objects.exists()
    assert not AuditEvent.objects.exists()


def test_apply_writes_and_the_audit_log_has_one_line_a_seed(run):
    assert run(CSV, "--apply") == ["2 camille.durand new", "3 dominique.morel new", "new: 2"]
    assert seeds() == BOTH
    events = AuditEvent.objects.filter(name=Event.OTP_MEL_IMPORTED)
    assert sorted(events.values_list("agent", flat=True)) == sorted(BOTH)


def test_a_second_import_changes_nothing(run, clock):
    run(CSV, "--apply")
    before = list(ImportedSeed.objects.values_list())
    clock.shift(3600)
    assert run(CSV, "--apply")[-1] == "unchanged: 2"
    assert list(ImportedSeed.objects.values_list()) == before
    assert AuditEvent.objects.count() == 2


def test_a_new_secret_replaces_the_old_one(run):
    run(CSV, "--apply")
    assert run(f"{HEADER}camille.durand,another secret of 20\n", "--apply")[0] == "2 camille.durand replaced"
    assert seeds() == BOTH | {"camille.durand": b"another secret of 20"}
    assert AuditEvent.objects.first().detail == {"verdict": "replaced"}


def test_a_seed_whose_key_is_gone_is_replaced(run, settings):
    run(CSV, "--apply")
    settings.SEED_KEYS = "other:" + base64.b64encode(bytes(32)).decode()
    assert run(CSV, "--apply")[-1] == "replaced: 2"
    assert seeds() == BOTH


@pytest.mark.parametrize(
    "text",
    [
        "uid;secret\ncamille.durand;{raw}\n", "SECRET,Uid\n{raw},camille.durand\n",
        'uid,secret\n"camille.durand","{raw}"\n',
        "uid,secret\r\ncamille.durand,{raw}\r\n", "\ufeffuid,secret\ncamille.durand,{raw}\n",
        "\n\nuid,secret\n\ncamille.durand,{raw}",
        "uid,secret,encoding\ncamille.durand,{base32},base32\n", "uid,secret,encoding\ncamille.durand,{hex},HEX\n",
        "uid,secret,encoding\ncamille.durand,{raw},\n", "id,uid,secret\n7,camille.durand,{raw}\n",
        "uid,secret\n CAMILLE.Durand , {raw} \n", "{uri}\n", "{uri}", "{uri}&algorithm=SHA1&digits=6&period=30\n",
        "otpauth://totp/M2Web:camille.durand?secret={base32}\n", "otpauth://totp/camille.durand?issuer=Bnum&secret={base32}\n",
        "OTPAUTH://TOTP/Bnum%3ACamille.Durand?secret={base32}&issuer=Bnum\n", "uid,secret\n{uri}\n",
    ],
)  # fmt: skip
def test_ways_to_write_the_same_secret(run, text):
    spellings = {"raw": CAMILLE_SECRET, "base32": CAMILLE_BASE32, "hex": CAMILLE_SECRET.encode().hex(), "uri": URI}
    run(text.format(**spellings), "--apply")
    assert seeds() == {"camille.durand": CAMILLE_SECRET.encode()}


@pytest.mark.parametrize(
    ("option", "secret"), [("base32", CAMILLE_BASE32.lower()), ("hex", CAMILLE_SECRET.encode().hex())]
)
def test_the_option_names_the_encoding_of_csv(run, option, secret):
    run(f"{HEADER}camille.durand,{secret}\n", "--apply", "--encoding", option)
    assert seeds() == {"camille.durand": CAMILLE_SECRET.encode()}


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("nobody,{raw}", "2 - unknown_agent"),
        ("{raw},nobody", "2 - unknown_agent"),
        ("boite.service,{raw}", "2 boite.service not_a_person"),
        ("camille.durand.-.boite,{raw}", "2 - not_a_person"),
        ("camille.durand", "2 - unreadable_line"),
        ("camille.durand,{raw},more", "2 - unreadable_line"),
        ('"camille.durand,{raw}', "2 - unreadable_line"),
        ("camille.durand;{raw}", "2 - unreadable_line"),
        ("camille.durand,{raw}\0", "2 - unreadable_line"),
        ("camille.durand,\x1b[31m{raw}", "2 - unreadable_line"),
        ("camille.durand," + "A" * LINE_LENGTH, "2 - unreadable_line"),
        ("camille.durand,clé", "2 - unreadable_secret"),
        ("camille.durand,", "2 - unreadable_secret"),
        ("camille.durand,abc123", "2 camille.durand new too_short"),
        ("otpauth://hotp/Bnum:camille.durand?secret={base32}&issuer=Bnum&counter=1", "2 - unsupported_type"),
        ("otpauth://totp/Bnum:camille.durand?secret={base32}&encoder=steam&issuer=Bnum", "2 - unsupported_type"),
        ("{uri}&algorithm=SHA256", "2 - unsupported_algorithm"),
        ("{uri}&digits=8", "2 - unsupported_digits"),
        ("{uri}&period=60", "2 - unsupported_period"),
        ("{uri}&period=0", "2 - unsupported_period"),
        ("otpauth://totp/GitHub:camille.durand?secret={base32}&issuer=GitHub", "2 - unsupported_issuer"),
        ("otpauth://totp/Bnum:camille.durand?secret={base32}&issuer=M2Web", "2 - unsupported_issuer"),
        ("otpauth://totp/camille.durand?secret={base32}", "2 - unsupported_issuer"),
        ("{uri}&secret={base32}", "2 - unreadable_line"),
        ("otpauth://totp/Bnum:?secret={base32}&issuer=Bnum", "2 - unreadable_line"),
        ("otpauth://[totp/Bnum:camille.durand?secret={base32}&issuer=Bnum", "2 - unreadable_line"),
        ("otpauth://totp/Bnum:camille.durand?issuer=Bnum", "2 - unreadable_secret"),
        ("otpauth://totp/Bnum:camille.durand?secret=1&issuer=Bnum", "2 - unreadable_secret"),
        ("otpauth://totp/Bnum:camille.durand?secret=MFRGGMJSGM&issuer=Bnum", "2 camille.durand new too_short"),
    ],
)  # fmt: skip
def test_t21_verdict_of_a_line_and_the_next_one_is_read(run, line, verdict):
    make_agent("boite.service", mailbox=Mailbox.SHARED)
    text = (
        HEADER
        + line.format(raw=CAMILLE_SECRET, base32=CAMILLE_BASE32, uri=URI)
        + f"\ndominique.morel,{DOMINIQUE_SECRET}\n"
    )
    assert run(text, "--apply")[:2] == [verdict, "3 dominique.morel new"]
    assert seeds()["dominique.morel"] == DOMINIQUE_SECRET.encode()
    assert ("camille.durand" in seeds()) is ("new" in verdict)


def test_an_encoding_that_does_not_exist_is_told(run):
    assert run(f"uid,secret,encoding\ncamille.durand,{CAMILLE_SECRET},base64\n")[0] == "2 - unsupported_encoding"


def test_the_first_line_of_an_agent_counts(run):
    lines = run(f"{CSV}CAMILLE.durand,another secret of 20\n{URI}\n", "--apply")
    assert lines[2:] == ["4 camille.durand duplicate", "5 camille.durand duplicate", "duplicate: 2, new: 2"]
    assert seeds() == BOTH


@pytest.mark.parametrize(
    "text", ["camille.durand,canary-of-a-secret", "uid,code\n", "secret\n", '"uid,secret\n', "uid,uid,secret\n"]
)
def test_csv_without_its_header_stops_and_repeats_nothing(run, text):
    with pytest.raises(CommandError, match="the first line of CSV must name the columns uid and secret") as error:
        run(text, "--apply")
    assert "canary" not in str(error.value)
    assert not ImportedSeed.objects.exists()


@pytest.mark.parametrize("text", [b"\xff\xfeu\0i\0d\0", HEADER.encode() + b"camille.durand,canary\xe9\n"])
def test_what_is_not_utf_8_stops_and_repeats_nothing(run, text):
    with pytest.raises(CommandError, match="not UTF-8 text") as error:
        run(text)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("file", ["/no/such/file", "/"])
def test_a_file_that_cannot_be_read_stops(file):
    with pytest.raises(CommandError, match=file):
        call_command("import_seeds", file)


@pytest.mark.parametrize("keys", ["", "k:AAAA"])
def test_without_a_usable_key_it_stops_before_the_first_line(run, settings, keys):
    settings.SEED_KEYS = keys
    with pytest.raises(CommandError, match="CERBERE_SEED_KEYS cannot be used"):
        run(CSV)


def test_an_empty_file_says_so(run):
    assert run("")[0] == "no line"


def test_a_dash_reads_the_standard_input(tmp_path, monkeypatch):
    (tmp_path / "seeds").write_text(CSV)
    with open(tmp_path / "seeds") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        call_command("import_seeds", "-", "--apply", stdout=io.StringIO())
    assert seeds() == BOTH


def test_a_long_line_is_passed_over_without_being_held(run):
    lines = run(f"{HEADER}{'x' * 10 * LINE_LENGTH}\ncamille.durand,{CAMILLE_SECRET}\n")
    assert lines[:2] == ["2 - unreadable_line", "3 camille.durand new"]


def test_p05_no_secret_in_the_answer_the_logs_and_the_audit_log(run, caplog, django_capture_on_commit_callbacks):
    canary = "CANARY7CANARY7CANARY7CA7"
    forms = [
        f"camille.durand,{canary}", f"{canary},camille.durand", f"nobody,{canary}", f"dominique.morel,{canary}é",
        f'"{canary}', f"otpauth://totp/Bnum:camille.durand?secret={canary}&digits=8&issuer=Bnum", f"otpauth://{canary}",
        f"otpauth://totp/Bnum:{canary}?secret={canary}&issuer=Bnum", f"otpauth://totp/{canary}:u?secret={canary}",
    ]  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        said = run(HEADER + "\n".join(forms), "--apply")
    assert len(said) == len(forms) + 1
    everything = " ".join([*said, caplog.text, *map(str, AuditEvent.objects.values_list())]).lower()
    assert "imported" in caplog.text
    assert canary[:6].lower() not in everything


def test_the_counts_are_those_of_the_lines(run):
    *lines, total = run(f"{CSV}nobody,x\n{URI}\ncamille.durand\n", "--apply")
    counts = Counter(line.split()[2] for line in lines)
    assert total == ", ".join(f"{verdict}: {count}" for verdict, count in sorted(counts.items()))


def test_an_imported_seed_enrols_with_a_code_and_not_before(run, browser, settings):
    settings.MELOTP_SOURCE = "imported"
    browser.sign_in()
    assert "aucune application n’est enregistrée pour vous" in browser.get(ADD)
    run(f"{HEADER}camille.durand,another secret of 20\n", "--apply")
    assert not OtpMelDevice.objects.exists()
    browser.send_code(ADD, code(CAMILLE_SECRET))
    assert not OtpMelDevice.objects.get().confirmed
    browser.send_code(ADD, code("another secret of 20"))
    assert "Ouverte avec deux facteurs" in browser.get("/compte/")
