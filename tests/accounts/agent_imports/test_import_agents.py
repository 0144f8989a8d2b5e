"""`manage.py import_agents`: a verdict a line, no right given, no password, the same when it is run again."""

import pytest
from django.core.management import CommandError

from accounts.models import Agent, AgentSession, Mailbox
from cerbere.audit.events import Event
from cerbere.audit.models import AuditEvent
from cerbere.core.imports import engine
from cerbere.core.imports.lines import LINE_LENGTH
from tests.support.imports.agent_files import ALIX, HEADER, NOE
from tests.support.people import PASSWORD, Browser, make_agent

pytestmark = pytest.mark.django_db
CANARY = "CANARY-of-a-secret"


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(run):
    assert run(HEADER + ALIX + NOE) == [
        "2 alix.roux new", "3 noe.blanc new", "new: 2", "Dry run: nothing was written. --apply writes.",
    ]  # fmt: skip
    assert not Agent.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_new_agent_has_what_the_line_says_no_right_and_no_password(run):
    assert run(HEADER + ALIX, "--apply")[0] == "2 alix.roux new"
    alix = Agent.objects.get()
    assert (alix.uid, alix.email, alix.siret, alix.directory_id) == (
        "alix.roux", "alix.roux@example.fr", "11006801200050", "id-alix",
    )  # fmt: skip
    assert (alix.mailbox, alix.is_active, alix.is_verified_account) == (Mailbox.INDIVIDUAL, True, False)
    assert not any([alix.is_staff, alix.is_superuser, alix.has_usable_password()])
    assert Browser().sign_in("alix.roux", "").status_int == 200


def test_a_second_import_changes_nothing(run):
    run(HEADER + ALIX + NOE, "--apply")
    before = list(Agent.objects.values_list())
    assert run(HEADER + ALIX + NOE, "--apply")[-1] == "unchanged: 2"
    assert list(Agent.objects.values_list()) == before
    assert AuditEvent.objects.count() == 2


def test_the_audit_log_has_one_event_an_agent_with_names_of_fields_and_no_value(run, camille):
    run("uid,given_name,family_name,siret\nalix.roux,Alix,Roux,\ncamille.durand,Camille,Martin,\n", "--apply")
    added, changed = AuditEvent.objects.get(agent="alix.roux"), AuditEvent.objects.get(agent="camille.durand")
    assert (added.name, added.detail) == (Event.AGENT_ADDED_BY_FILE, {"fields": ""})
    assert (changed.name, changed.detail) == (Event.AGENT_CHANGED_BY_FILE, {"fields": "family_name, siret"})


def test_what_changes_is_named_and_what_has_no_column_stays(run, camille):
    assert run("uid,nom\ncamille.durand,Martin\n", "--apply")[0] == "2 camille.durand changed family_name"
    after = Agent.objects.get()
    assert (after.family_name, after.given_name, after.email) == ("Martin", "Camille", "camille.durand@example.fr")
    assert after.check_password(PASSWORD)


def test_an_empty_cell_empties_except_mailbox_and_directory_id(run):
    make_agent("camille.durand", directory_id="id", mailbox=Mailbox.PERSON, phone_number="01")
    line = "uid,email,phone_number,mailbox,directory_id\ncamille.durand,,,,\n"
    assert run(line, "--apply")[0] == "2 camille.durand changed email phone_number"
    after = Agent.objects.get()
    assert (after.email, after.phone_number, after.mailbox, after.directory_id) == (None, "", Mailbox.PERSON, "id")


@pytest.mark.parametrize(
    "text",
    [
        "identifiant;prénom;nom\nalix.roux;Alix;Roux\n", "UID,GivenName,SN\nalix.roux,Alix,Roux\r\n",
        "\ufeffuid,given_name,family_name\n\n ALIX.Roux , Alix , Roux \n", 'uid,prenom,nom\n"alix.roux","Alix","Roux"',
    ],
)  # fmt: skip
def test_ways_to_write_the_same_agent(run, text):
    run(text, "--apply")
    assert Agent.objects.values_list("uid", "given_name", "family_name").get() == ("alix.roux", "Alix", "Roux")


FULL = "uid,email,given_name,family_name,siret,mailbox\n"


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("a b,,A,B,,", "bad_uid"),
        ("a@b.fr,,A,B,,", "bad_uid"),
        (",,A,B,,", "missing_value"),
        ("agent.-.boite,,A,B,,", "shared_mailbox"),
        ("boite,,A,B,,BALF", "not_a_person"),
        ("a.b,nobody,A,B,,", "bad_email"),
        ("a.b,CAMILLE.durand@example.fr,A,B,,", "email_taken"),
        ("a.b,,A,B,11006801200051,", "bad_siret"),
        ("a.b,,A,B,1100680120005,", "bad_siret"),
        ("a.b,,A,B,١١٠٠٦٨٠١٢٠٠٠٥٠,", "bad_siret"),
        ("a.b,,A,B,,BOX", "bad_mailbox"),
        ("a.b,,A,B,,BALIS", "bad_mailbox"),
        ("a.b,,,B,,", "missing_value"),
        (f"{'a' * 151},,A,B,,", "too_long"),
        (f"a.b,,{'A' * 151},B,,", "too_long"),
        ("a.b,,A,B,", "wrong_number_of_cells"),
        ("a.b,,A,B,,,", "wrong_number_of_cells"),
        ("a.b,,A\0,B,,", "control_characters"),
        ("a.b,,A\x1b[31m,B,,", "control_characters"),
        ("a.b,,A\u202eB,B,,", "control_characters"),
        ('a.b,,"A,B,,', "unreadable_line"),
        ("a.b,," + "A" * LINE_LENGTH + ",B,,", "unreadable_line"),
    ],
)
def test_a_bad_line_is_refused_and_its_neighbours_are_not(run, camille, line, refusal):
    lines = run(f"{FULL}{line}\nalix.roux,,Alix,Roux,,\n", "--apply")
    assert lines[0] == f"2 - {refusal}"
    assert lines[1] == "3 alix.roux new"
    assert set(Agent.objects.values_list("uid", flat=True)) == {"camille.durand", "alix.roux"}


@pytest.mark.parametrize(
    "header",
    ["", "uid\0", "email,nom", "uid,uid", "uid,identifiant", "uid,is_staff", "uid,password", "uid,mot_de_passe",
     "uid,MDP", "uid,is_superuser", '"uid', "uid," + "x" * LINE_LENGTH, "camille.durand,canary"],
)  # fmt: skip
def test_a_header_that_cannot_be_read_refuses_the_whole_file(run, header):
    with pytest.raises(CommandError) as error:
        run(f"{header}\nalix.roux,Alix\n", "--apply")
    assert "canary" not in str(error.value)
    assert not Agent.objects.exists()


def test_a_column_of_passwords_is_told(run):
    with pytest.raises(CommandError, match="holds no password"):
        run("uid,given_name,family_name,Mot_de_passe\na,A,B,secret\n")


@pytest.mark.parametrize("text", [b"\xff\xfeu\0i\0d\0", b"uid,nom\ncamille,\xe9\n"])
def test_what_is_not_utf_8_stops(run, text):
    with pytest.raises(CommandError, match="not UTF-8 text"):
        run(text)


# --- Who a line is about ------------------------------------------------------------------------------


def test_a_directory_id_names_the_person_whatever_the_uid(run):
    before = make_agent("camille.durand", directory_id="id-c")
    line = "uid,directory_id\ncamille.martin,id-c\n"
    assert run(line, "--apply")[0] == "2 camille.martin changed uid"
    assert Agent.objects.get().uuid == before.uuid


def test_an_agent_without_directory_id_is_linked(run, camille):
    assert run("uid,directory_id\ncamille.durand,id-c\n", "--apply")[0] == "2 camille.durand changed directory_id"


def test_an_agent_with_another_directory_id_is_somebody_else(run):
    make_agent("camille.durand", directory_id="id-of-yesterday")
    assert run("uid,directory_id,nom\ncamille.durand,id-of-today,X\n", "--apply")[0] == "2 - other_directory_id"
    assert Agent.objects.get().directory_id == "id-of-yesterday"


def test_a_uid_of_somebody_else_is_taken(run, camille):
    make_agent("dominique.morel", directory_id="id-d")
    assert run("uid,directory_id\ncamille.durand,id-d\n", "--apply")[0] == "2 - uid_taken"


def test_a_superuser_is_out_of_reach_of_a_file(run):
    chief = make_agent("chief", is_superuser=True, is_staff=True)
    for line in ("email\nchief,thief@example.fr", "directory_id\nchief,id-thief", "nom\nchief,Thief"):
        assert run(f"uid,{line}\n", "--apply")[0] == "2 - superuser"
    assert run(f"uid,nom\nchief,{chief.family_name}\n")[0] == "2 chief unchanged"
    assert not AuditEvent.objects.exists()


def test_a_member_of_the_staff_keeps_the_rights(run):
    make_agent("helpdesk", is_staff=True)
    run("uid,nom\nhelpdesk,Martin\n", "--apply")
    assert Agent.objects.get().is_staff


def test_a_box_that_is_no_longer_a_persons_ends_the_sessions(run, camille, browser):
    browser.sign_in()
    run("uid,boîte\ncamille.durand,BALS\n", "--apply")
    assert not AgentSession.objects.exists()
    assert browser.get("/compte/").status_int == 302


def test_the_sessions_of_others_go_on(run, camille, browser):
    browser.sign_in()
    run("uid,nom\ncamille.durand,Martin\n", "--apply")
    assert browser.get("/compte/").status_int == 200


DUPLICATES = [
    "uid,given_name,family_name\na.b,A,B\nA.B,C,D\n",
    "uid,given_name,family_name,directory_id\na.b,A,B,id\nc.d,C,D,id\n",
    "uid,given_name,family_name\ncamille.durand,A,B\ncamille.durand,C,D\n",
    "uid,given_name,family_name,directory_id\ncamille.durand,A,B,\nother,A,B,id-c\n",
    "uid,given_name,family_name,directory_id\ncamille.martin,A,B,id-c\ncamille.durand,A,B,id-new\n",
]


@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize("apply", [(), ("--apply",)])
@pytest.mark.parametrize("text", DUPLICATES)
def test_the_first_line_of_an_agent_counts_whatever_the_batches(run, monkeypatch, text, apply, size):
    make_agent("camille.durand", directory_id="id-c")
    monkeypatch.setattr(engine, "BATCH", size)
    assert run(text, *apply)[1] == "3 - duplicate"


@pytest.mark.parametrize("size", [1, 500])
@pytest.mark.parametrize("apply", [(), ("--apply",)])
def test_an_address_that_changes_hands_takes_two_imports_whatever_the_batches(run, monkeypatch, camille, apply, size):
    monkeypatch.setattr(engine, "BATCH", size)
    text = (
        "uid,email,given_name,family_name\ncamille.durand,new@example.fr,Camille,Durand\n"
        "alix.roux,camille.durand@example.fr,Alix,Roux\nnoe.blanc,new@example.fr,Noé,Blanc\n"
    )
    assert run(text, *apply)[:3] == ["2 camille.durand changed email", "3 - email_taken", "4 - email_taken"]
    assert run(text, "--apply")[1] == ("3 alix.roux new" if apply else "3 - email_taken")


def test_a_refused_line_does_not_use_up_its_agent(run):
    lines = run("uid,given_name,family_name,siret\na.b,A,B,1\na.b,A,B,\n", "--apply")
    assert lines[:2] == ["2 - bad_siret", "3 a.b new"]
