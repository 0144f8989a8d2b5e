"""Rows that every sign-on reads: SQL made once a process from models and querysets instead of at each use.

Django makes the text of a statement anew each time, which costs more than PostgreSQL's answer. What is read here
are ordinary instances, select_related included; docs/decisions/0024-statements-made-once.md tells what it gains.
"""

from collections.abc import Callable
from datetime import datetime
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
        found, _count = send(connection, self._sql, [prepared(self._by, value, connection)])
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


def prepared(of: Any, value: Any, connection: Any) -> Any:
    """As the field says, which for most of what psycopg takes as it is means a long way to the same."""
    plain = type(value) in PLAIN and connection.vendor == "postgresql"
    return value if plain else of.get_db_prep_save(value, connection)


def send(connection: Any, sql: str, values: list[Any]) -> tuple[Row | None, int]:
    """The first row of the answer, if there is one, and how many rows were read or written."""
    if connection.vendor == "postgresql" and connection.can_send():
        answer: tuple[Row | None, int] = connection.send(sql, values)
        return answer
    with transaction.mark_for_rollback_on_error(using=OURS), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone() if cursor.description else None, cursor.rowcount
