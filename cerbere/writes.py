"""Rows that every sign-on writes: statements made once a process, each with all that belongs together.

No signals are sent. docs/decisions/0024-statements-made-once.md tells what it gains.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import connections, models, transaction
from django.db.models.base import ModelState

from cerbere.statements import OURS, Fields, Key, Row, prepared, send

M = TypeVar("M", bound=models.Model)
Names = tuple[str, ...]
Told = tuple[tuple[str, bool], ...]  # columns that a row must hold a value in, and whether that is NULL


def new(model: type[M], **columns: Any) -> M:
    """A row to `insert`, made as those that are read: columns by their attributes, the others as the model says."""
    defaults = _defaults(model)
    assert columns.keys() <= defaults.keys(), f"{model.__name__} has no {columns.keys() - defaults.keys()}"
    row = model.__new__(model)
    others = {name: default() for name, default in defaults.items() if name not in columns}
    row.__dict__.update(others, **columns, _state=ModelState())
    return row


@cache
def _defaults(model: type[models.Model]) -> dict[str, Callable[[], Any]]:
    return {each.attname: each.get_default for each in model._meta.concrete_fields}


@dataclass(frozen=True)
class Change:
    """New values for columns of one row, unless the row holds other values than `only_if` tells (None is NULL)."""

    model: type[models.Model]
    pk: Key
    columns: dict[str, Any]
    only_if: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Row:
        """On what its SQL depends."""
        return self.model, tuple(self.columns), tuple((name, value is None) for name, value in self.only_if.items())

    @property
    def told(self) -> list[Any]:
        """By which values the row is found."""
        return [self.pk, *(value for value in self.only_if.values() if value is not None)]


def insert(row: models.Model, after: Row | None = None) -> None:
    """Write a new row whose columns are all set, and learn its number if the database gives one. No signals.

    `after` is what `write` would be given, and is written before it: by PostgreSQL in the same statement.
    """
    sql, fields = _insertion(type(row))
    connection = connections[OURS]
    values = _values_of(row, fields, connection)
    if after and connection.vendor == "postgresql":
        sql, values = f"WITH before AS ({after[0]}) {sql}", [*after[1:], *values]
    elif after:
        write(*after)
    written, _count = send(connection, sql, values)
    _is_written(row, written[0] if written else None)


def _values_of(row: models.Model, fields: Fields, connection: Any) -> list[Any]:
    return [prepared(each, getattr(row, each.attname), connection) for each in fields]


def _is_written(row: models.Model, key: Key | None) -> None:
    if row.pk is None:
        row.pk = key
    row._state.adding, row._state.db = False, OURS


@cache
def _insertion(model: type[models.Model], source: str = "VALUES ({})") -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[OURS].ops.quote_name
    fields = [each for each in meta.concrete_fields if not isinstance(each, models.AutoField)]
    columns = ", ".join(quote(each.column) for each in fields)
    values = source.format(", ".join("%s" for _ in fields))
    into, pk = quote(meta.db_table), quote(meta.pk.column)
    return f"INSERT INTO {into} ({columns}) {values} RETURNING {pk}", fields


def change(
    model: type[models.Model],
    pk: Key,
    only_if: dict[str, Any] | None = None,
    *,
    then: Sequence[models.Model | Change] = (),
    also: Row | None = None,
    **columns: Any,
) -> bool:
    """Make this Change, in one statement; False when there is no such row.

    `then` is made together with it: new rows, written as by `insert`, and changes of other rows. All is made or
    nothing; of several rows that change, nothing while somebody else has one: the answer is False at once. `also`,
    which is what `write` would be given, is written whatever becomes of them, and last: what it locks is locked for a
    moment.
    """
    first, connection = Change(model, pk, columns, only_if or {}), connections[OURS]
    if (then or also) and connection.vendor != "postgresql":  # which alone can do all in one statement
        return _in_turn(first, then, also)
    sql, fields = _together(first.shape, tuple(map(_shape, then)), also[0] if also else "")
    values = [prepared(each, value, connection) for each, value in zip(fields, _all_values(first, then), strict=True)]
    keys, count = send(connection, sql, [*values, *also[1:]] if also else values)
    for part, key in zip(then, keys or (), strict=bool(keys)):
        if isinstance(part, models.Model):
            _is_written(part, key)
    return count == 1


def _all_values(first: Change, then: Sequence[models.Model | Change]) -> list[Any]:
    """In the order of `_together`."""
    several = any(isinstance(part, Change) for part in then)
    changes = [part for part in (first, *then) if isinstance(part, Change)]
    values = [value for each in changes for value in each.told] if several else []
    for part in (first, *then):
        if isinstance(part, Change):
            values += [*part.columns.values(), *([part.pk] if several else part.told)]
        else:
            values += [getattr(part, each.attname) for each in _insertion(type(part))[1]]
    return values


def _in_turn(first: Change, then: Sequence[models.Model | Change], also: Row | None) -> bool:
    with transaction.atomic(using=OURS):
        done = all(_is_done(part) for part in (first, *then))
        transaction.set_rollback(not done, using=OURS)
    if also:
        write(*also)
    return done


def _is_done(part: models.Model | Change) -> bool:
    if isinstance(part, Change):
        return change(part.model, part.pk, part.only_if, **part.columns)
    insert(part)
    return True


def _shape(part: models.Model | Change) -> Row:
    return part.shape if isinstance(part, Change) else (type(part), None, None)


@cache
def _together(first: Row, then: tuple[Row, ...], also: str) -> tuple[str, Fields]:
    """PostgreSQL sends what nobody reads, `also`, after what the last SELECT reads; its values stand last."""
    changes = [shape for shape in (first, *then) if shape[1]]
    locked, all_fields = _locked(changes) if len(changes) > 1 else ("", [])
    sql, fields = _changing(first[0], first[1], () if locked else first[2], " FROM free" if locked else "")
    all_fields += fields
    if not (then or also):
        return sql, all_fields
    parts = [("free", locked)] if locked else []
    parts.append(("changed", f"{sql} RETURNING 1"))
    for number, (model, columns, _only_if) in enumerate(then):
        part, fields = _insertion(model, "SELECT {} FROM changed")
        if columns:
            part, fields = _changing(model, columns, (), " FROM changed")
            part += " RETURNING 1"
        parts.append((f"part{number}", part))
        all_fields += fields
    read = ", ".join(f"part{number}" for number, _shape in enumerate(then)) or "changed"
    parts += [("also", also)] if also else []
    return f"WITH {', '.join(f'{name} AS ({part})' for name, part in parts)} SELECT * FROM {read}", all_fields  # noqa: S608


def _locked(changes: list[Row]) -> tuple[str, Fields]:
    """All rows that will be changed, or none while somebody else has one: nobody waits here for the next."""
    tables, tests, all_fields = [], [], []
    for number, (model, _columns, only_if) in enumerate(changes):
        test, fields = _tests(model, only_if, f"row{number}.")
        tables.append(f"{connections[OURS].ops.quote_name(model._meta.db_table)} AS row{number}")
        tests.append(test)
        all_fields += fields
    return f"SELECT FROM {', '.join(tables)} WHERE {' AND '.join(tests)} FOR UPDATE SKIP LOCKED", all_fields


def _changing(model: type[models.Model], columns: Names, only_if: Told, source: str = "") -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[OURS].ops.quote_name
    fields = [meta.get_field(name) for name in columns]
    sets = ", ".join(f"{quote(each.column)} = %s" for each in fields)
    tests, told = _tests(model, only_if)
    return f"UPDATE {quote(meta.db_table)} SET {sets}{source} WHERE {tests}", [*fields, *told]  # noqa: S608


def _tests(model: type[models.Model], only_if: Told, alias: str = "") -> tuple[str, Fields]:
    meta: Any = model._meta
    told = [(meta.pk, False), *((meta.get_field(name), is_null) for name, is_null in only_if)]
    names = [f"{alias}{connections[OURS].ops.quote_name(each.column)}" for each, _is_null in told]
    tests = [f"{name} {'IS NULL' if is_null else '= %s'}" for name, (_each, is_null) in zip(names, told, strict=True)]
    return " AND ".join(tests), [each for each, is_null in told if not is_null]


def write(sql: str, *values: Any) -> int:
    """Send a write that `insert` and `change` cannot say; returns how many rows it wrote.

    The SQL is of both databases; tests run it on both, since no model holds its column names.
    """
    connection = connections[OURS]
    adapt = connection.ops.adapt_datetimefield_value
    adapted = [adapt(value) if isinstance(value, datetime) else value for value in values]
    return send(connection, sql, adapted)[1]
