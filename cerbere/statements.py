"""SQL that every sign-on sends, made once a process from models and querysets instead of at each use.

Django makes the text of a statement anew each time, which costs more than PostgreSQL's answer. What is read here
are ordinary instances, select_related included; docs/decisions/0024-statements-made-once.md tells what it gains.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
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
    return {field.attname: field.get_default for field in model._meta.concrete_fields}


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


def _values_of(row: models.Model, fields: Fields, connection: Any) -> list[Any]:
    return [_prepared(field, getattr(row, field.attname), connection) for field in fields]


def _prepared(field: Any, value: Any, connection: Any) -> Any:
    """As the field says, which for most of what psycopg takes as it is means a long way to the same."""
    plain = type(value) in PLAIN and connection.vendor == "postgresql"
    return value if plain else field.get_db_prep_save(value, connection)


def _is_written(row: models.Model, key: Key | None) -> None:
    if row.pk is None:
        row.pk = key
    row._state.adding, row._state.db = False, OURS


@cache
def _insertion(model: type[models.Model], source: str = "VALUES ({})") -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[OURS].ops.quote_name
    fields = [field for field in meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = ", ".join(quote(field.column) for field in fields)
    values = source.format(", ".join("%s" for _ in fields))
    into, pk = quote(meta.db_table), quote(meta.pk.column)
    return f"INSERT INTO {into} ({columns}) {values} RETURNING {pk}", fields


def change(
    model: type[models.Model],
    pk: Key,
    while_null: tuple[str, ...] = (),
    *,
    then: Sequence[models.Model] = (),
    **columns: Any,
) -> bool:
    """Set these columns of one row, in one statement, unless one of `while_null` has a value: then False.

    `then` are new rows, written only if the change happens and together with it, as by `insert`.
    """
    connection = connections[OURS]
    if then and connection.vendor != "postgresql":  # which alone can change and insert in one statement
        with transaction.atomic(using=OURS):
            changed = change(model, pk, while_null, **columns)
            for row in then if changed else ():
                insert(row)
        return changed
    sql, fields = _changing(model, while_null, tuple(columns), tuple(map(type, then)))
    values = [_prepared(field, columns[field.attname], connection) for field in fields]
    values.append(model._meta.pk.get_db_prep_value(pk, connection))
    for row in then:
        values += _values_of(row, _insertion(type(row))[1], connection)
    keys, count = _send(connection, sql, values)
    for row, key in zip(then, keys or (), strict=bool(keys)):
        _is_written(row, key)
    return count == 1


@cache
def _changing(
    model: type[models.Model],
    while_null: tuple[str, ...],
    columns: tuple[str, ...],
    then: tuple[type[models.Model], ...],
) -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[OURS].ops.quote_name
    fields = [meta.get_field(name) for name in columns]
    sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    nulls = "".join(f" AND {quote(meta.get_field(name).column)} IS NULL" for name in while_null)
    sql = f"UPDATE {quote(meta.db_table)} SET {sets} WHERE {quote(meta.pk.column)} = %s{nulls}"  # noqa: S608
    if not then:
        return sql, fields
    rows = {f"row{number}": _insertion(each, "SELECT {} FROM changed")[0] for number, each in enumerate(then)}
    inserted = ", ".join(f"{name} AS ({insertion})" for name, insertion in rows.items())
    return f"WITH changed AS ({sql} RETURNING 1), {inserted} SELECT * FROM {', '.join(rows)}", fields  # noqa: S608


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
