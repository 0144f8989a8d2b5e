"""SQL that every sign-on sends, made once a process from models and querysets instead of at each use.

Django makes the text of a statement anew each time, which costs more than PostgreSQL's answer. What is read here
are ordinary instances, select_related included; docs/decisions/0024-statements-made-once.md tells what it gains.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain, repeat
from types import NoneType
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)
Key = str | int | UUID
Row = tuple[Any, ...]
Fields = list[Any]  # concrete fields, in the order of the statement's values
OURS = DEFAULT_DB_ALIAS  # only the Bnum's own table is elsewhere
EMPTY: dict[Any, Callable[[], Any]] = {"{}": dict, "[]": list}  # what most columns of JSON hold
PLAIN = (str, int, bool, datetime, UUID, NoneType)


class ReadOne(Generic[M]):
    """`ReadOne(Client.objects.all, "client_id")` is a function: the client with this client_id, or None.

    The column, by its name in the model, is unique.
    """

    def __init__(self, rows: Callable[[], models.QuerySet[M]], column: str) -> None:
        self._rows, self._column = rows, column
        self._made: _Statement[M] | None = None  # at the first use: models are not known when modules are loaded

    def __call__(self, value: Key) -> M | None:
        if self._made is None:
            self._made = _Statement(self._rows().filter(**{self._column: value}).order_by(), self._column)
        return self._made.read(value)


class _Statement(Generic[M]):
    """A queryset's SQL, and how instances are made of what it gives."""

    def __init__(self, rows: models.QuerySet[M], column: str) -> None:
        compiler: Any = rows.query.get_compiler(using=OURS)
        self._sql, _value = compiler.as_sql()
        self._by: Any = rows.model._meta.get_field(column)
        self._own = _Part(compiler.klass_info, compiler.select)
        converters = compiler.get_converters(column[0] for column in compiler.select)
        self._converters = [(position, each, told) for position, (found, told) in converters.items() for each in found]

    def read(self, value: Key) -> M | None:
        connection = connections[OURS]
        found, _count = _send(connection, self._sql, [_prepared(self._by, value, connection)])
        if found is None:
            return None
        values = list(found)
        for position, convert, expression in self._converters:
            empty = EMPTY.get(values[position])
            values[position] = empty() if empty else convert(values[position], expression, connection)
        one: M = self._own.instance(values)
        return one


class _Part:
    """The columns of one model in a row, and of those that were selected with it.

    Instances are made as pickle makes them, without `__init__` and its signals: it looks at each column again,
    which costs more than the statement. Columns that were deferred are read when somebody asks, as ever.
    """

    def __init__(self, klass_info: dict[str, Any], select: list[Any]) -> None:
        own = klass_info["select_fields"]
        self._columns = slice(own[0], own[-1] + 1)
        self._model = klass_info["model"]
        self._names = [column[0].target.attname for column in select[self._columns]]
        self._pk = own[0] + self._names.index(self._model._meta.pk.attname)
        self._related = [
            (_Part(related, select), related["local_setter"], related["remote_setter"])
            for related in klass_info.get("related_klass_infos", ())
        ]

    def instance(self, values: list[Any]) -> Any:
        if values[self._pk] is None:
            return None
        one = self._model.__new__(self._model)
        state = ModelState()
        state.adding, state.db = False, OURS
        one.__dict__.update(zip(self._names, values[self._columns], strict=True), _state=state)
        for part, tell, tell_back in self._related:
            related = part.instance(values)
            tell(one, related)
            if related is not None:
                tell_back(related, one)
        return one


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
    def values(self) -> list[Any]:
        return [*self.columns.values(), self.pk, *(value for value in self.only_if.values() if value is not None)]


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
    written, _count = _send(connection, sql, values)
    _is_written(row, written[0] if written else None)


def _values_of(part: models.Model | Change, fields: Fields, connection: Any) -> list[Any]:
    if isinstance(part, Change):
        return [_prepared(each, value, connection) for each, value in zip(fields, part.values, strict=True)]
    return [_prepared(each, getattr(part, each.attname), connection) for each in fields]


def _prepared(of: Any, value: Any, connection: Any) -> Any:
    """As the field says, which for most of what psycopg takes as it is means a long way to the same."""
    plain = type(value) in PLAIN and connection.vendor == "postgresql"
    return value if plain else of.get_db_prep_save(value, connection)


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

    `then` is made only if the change is, and together with it: new rows, written as by `insert`, and changes of other
    rows. When one of these is missing the answer is False, too; on PostgreSQL what stands before it is made all the
    same, so put first what must not happen twice. `also`, which is what `write` would be given, is written whatever
    becomes of them, and last: what it locks is locked for a moment.
    """
    first, connection = Change(model, pk, columns, only_if or {}), connections[OURS]
    if (then or also) and connection.vendor != "postgresql":  # which alone can do all in one statement
        return _in_turn(first, then, also)
    sql, fields = _together(first.shape, tuple(map(_shape, then)), also[0] if also else "")
    values = [*chain.from_iterable(map(_values_of, (first, *then), fields, repeat(connection)))]
    keys, count = _send(connection, sql, [*values, *also[1:]] if also else values)
    for part, key in zip(then, keys or (), strict=bool(keys)):
        if isinstance(part, models.Model):
            _is_written(part, key)
    return count == 1


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
def _together(first: Row, then: tuple[Row, ...], also: str) -> tuple[str, list[Fields]]:
    """PostgreSQL sends what nobody reads, `also`, after what the last SELECT reads; its values stand last."""
    sql, fields = _changing(*first)
    if not (then or also):
        return sql, [fields]
    parts, all_fields = [("changed", f"{sql} RETURNING 1")], [fields]
    last_change = "changed"  # without which nothing that stands after it is made
    for number, shape in enumerate(then):
        part, fields = _part(last_change, *shape)
        parts.append((f"part{number}", part))
        all_fields.append(fields)
        last_change = f"part{number}" if shape[1] else last_change
    read = ", ".join(name for name, _part in parts[1:]) or "changed"
    parts += [("also", also)] if also else []
    return f"WITH {', '.join(f'{name} AS ({part})' for name, part in parts)} SELECT * FROM {read}", all_fields  # noqa: S608


def _part(source: str, model: type[models.Model], columns: Any, only_if: Any) -> tuple[str, Fields]:
    if columns is None:
        return _insertion(model, f"SELECT {{}} FROM {source}")  # noqa: S608
    sql, fields = _changing(model, columns, only_if, f" FROM {source}")
    return f"{sql} RETURNING 1", fields


def _changing(
    model: type[models.Model], columns: tuple[str, ...], only_if: tuple[tuple[str, bool], ...], source: str = ""
) -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[OURS].ops.quote_name
    fields = [meta.get_field(name) for name in columns]
    told = [(meta.get_field(name), is_null) for name, is_null in only_if]
    sets = ", ".join(f"{quote(each.column)} = %s" for each in fields)
    tests = "".join(f" AND {quote(each.column)} {'IS NULL' if is_null else '= %s'}" for each, is_null in told)
    where = f"WHERE {quote(meta.pk.column)} = %s{tests}"
    sql = f"UPDATE {quote(meta.db_table)} SET {sets}{source} {where}"  # noqa: S608
    return sql, [*fields, meta.pk, *(each for each, is_null in told if not is_null)]


def write(sql: str, *values: Any) -> int:
    """Send a write that `insert` and `change` cannot say; returns how many rows it wrote.

    The SQL is of both databases; tests run it on both, since no model holds its column names.
    """
    connection = connections[OURS]
    adapt = connection.ops.adapt_datetimefield_value
    adapted = [adapt(value) if isinstance(value, datetime) else value for value in values]
    return _send(connection, sql, adapted)[1]


def _send(connection: Any, sql: str, values: list[Any]) -> tuple[Row | None, int]:
    """The first row of the answer, if there is one, and how many rows were read or written."""
    if connection.vendor == "postgresql" and connection.can_send():
        answer: tuple[Row | None, int] = connection.send(sql, values)
        return answer
    with transaction.mark_for_rollback_on_error(using=OURS), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() if cursor.description else None, cursor.rowcount
