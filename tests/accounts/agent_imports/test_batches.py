"""The import of agents over many lines, interrupted or in a race, and what it says of them."""

import csv
import io
import stat

import pytest
from django.core.management import CommandError
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from accounts.agent_imports import import_agents as act
from accounts.agent_imports.agent_lines import Refusal, is_siret, read_rows
from accounts.models import Agent
from cerbere.audit.models import AuditEvent
from cerbere.core.imports import engine
from cerbere.core.imports.engine import BATCH
from cerbere.core.imports.report import escape_formula
from cerbere.core.imports.seen_names import SeenNames
from tests.accounts.agent_imports.test_import_agents import ALIX, HEADER, NOE

pytestmark = pytest.mark.django_db
CANARY = "CANARY-of-a-secret"


def many(count, bad=()):
    return "".join(f"agent.{n},{'' if n in bad else 'A'},B\n" for n in range(count))


def test_a_bad_line_does_not_spoil_its_batch(run):
    lines = run("uid,given_name,family_name\n" + many(BATCH + 10, {3, BATCH + 1}), "--apply")
    assert lines[-1] == f"missing_value: 2, new: {BATCH + 8}"
    assert Agent.objects.count() == AuditEvent.objects.count() == BATCH + 8


def test_a_batch_takes_few_statements(run, django_assert_max_num_queries):
    text = "uid,given_name,family_name\n" + many(BATCH)
    with django_assert_max_num_queries(70):  # SQLite takes 999 values a statement: some sixty INSERTs
        run(text, "--apply")
    with django_assert_max_num_queries(4):
        run(text, "--apply")


class Interrupted(io.BytesIO):
    """A file whose disk goes away at a line."""

    def __init__(self, content, at):
        super().__init__(content)
        self.left = at

    def readline(self, limit=-1, /):
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")
        return super().readline(limit)


def test_an_interrupted_import_keeps_its_batches_and_can_be_run_again(monkeypatch):
    monkeypatch.setattr(engine, "BATCH", 10)
    content = ("uid,given_name,family_name\n" + many(35)).encode()
    with pytest.raises(OSError, match="gone"):
        list(act.import_agents(Interrupted(content, 26), apply=True))
    assert Agent.objects.count() == AuditEvent.objects.count() == 20
    judged = [line.verdict for batch in act.import_agents(io.BytesIO(content), apply=True) for line in batch]
    assert judged == ["unchanged"] * 20 + ["new"] * 15
    assert Agent.objects.count() == AuditEvent.objects.count() == 35


def test_an_agent_that_somebody_makes_meanwhile_is_judged_again(run, monkeypatch):
    write, calls = act._write_plans, []

    def late(plans, actor):
        calls.append(plans)
        if len(calls) == 1:
            raise IntegrityError("somebody made this agent")
        write(plans, actor)

    monkeypatch.setattr(act, "_write_plans", late)
    assert run(HEADER + ALIX + NOE, "--apply")[-1] == "new: 2"
    assert Agent.objects.count() == AuditEvent.objects.count() == 2


def test_a_fault_that_stays_is_not_hidden(run, monkeypatch):
    def always(plans, actor):
        raise IntegrityError

    monkeypatch.setattr(act, "_write_plans", always)
    with pytest.raises(IntegrityError):
        run(HEADER + ALIX, "--apply")


def test_what_was_seen_is_outside_memory_and_unreadable():
    seen = SeenNames()
    seen.add(["uid:a"])
    seen.rollback()
    assert "uid:a" not in seen
    seen.add(["uid:b"])
    seen.commit()
    seen.rollback()
    assert "uid:b" in seen
    assert b"uid:b" not in seen._rows.serialize()
    seen.close()


# --- What it says -------------------------------------------------------------------------------------


def test_the_verdict_file_is_private_new_and_calculates_nothing(run, tmp_path):
    file = tmp_path / "verdicts.csv"
    run("uid,given_name,family_name\n=cmd|calc,A,B\nalix.roux,,\n", "--apply", "--verdicts", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(newline="") as text:
        rows = list(csv.reader(text))
    assert rows == [
        ["line", "uid", "verdict", "remark"], ["2", "'=cmd|calc", "new", ""], ["3", "", "missing_value", ""],
    ]  # fmt: skip
    with pytest.raises(CommandError, match=r"verdicts\.csv: File exists"):
        run("uid\nx\n", "--verdicts", str(file))


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x"])
def test_a_formula_is_shown_and_not_calculated(cell):
    assert escape_formula(cell) == f"'{cell}"
    assert escape_formula(f"a{cell}") == f"a{cell}"


def test_p05_what_a_refused_line_holds_is_told_nowhere(
    run, tmp_path, caplog, capsys, django_capture_on_commit_callbacks
):
    file = tmp_path / "verdicts.csv"
    text = f"uid,given_name,family_name,siret\n{CANARY} x,A,B,\nb.b,A,B,{CANARY}\n{CANARY},,B,\nc.c,{CANARY},B,\n"
    with django_capture_on_commit_callbacks(execute=True):
        said = run(text, "--apply", "--verdicts", str(file))
    assert said[3] == "5 c.c new"
    everything = " ".join(
        [*said, caplog.text, file.read_text(), *capsys.readouterr(), *map(str, AuditEvent.objects.values_list())]
    )
    assert "agent:added:by_file" in everything
    assert CANARY.lower() not in everything.lower()


def test_no_bar_is_drawn_where_there_is_no_terminal(run, capsys):
    run(HEADER + ALIX)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("siret", "good"), [("73282932000074", True), ("73282932000075", False), ("7328293200007٤", False)]
)
def test_the_key_of_a_siret(siret, good):
    assert is_siret(siret) is good


PRINTABLE = (
    st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40).map(str.strip).filter(bool)
)
ROWS = st.lists(st.tuples(PRINTABLE, PRINTABLE), min_size=1, max_size=8)


@given(ROWS, st.sampled_from(",;"))
def test_what_a_spreadsheet_writes_is_what_is_read(names, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["uid", "given_name", "family_name"])
    writer.writerows([f"agent.{n}", *row] for n, row in enumerate(names))
    found = [row for _, row in read_rows(io.BytesIO(text.getvalue().encode()))]
    assert [(row["given_name"], row["family_name"]) for row in found] == names


@given(st.binary(max_size=300))
def test_no_content_makes_the_reader_stumble(content):
    try:
        for _, row in read_rows(io.BytesIO(b"uid,nom\n" + content)):
            assert isinstance(row, Refusal) or set(row) == {"uid", "family_name"}
    except UnicodeDecodeError:
        pass
