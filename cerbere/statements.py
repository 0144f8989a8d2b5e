"""SQL that every sign-on sends, made once a process from models and querysets instead of at each use.

Django makes the text of a statement anew each time, which costs more than PostgreSQL's answer. What is read here
are ordinary instances, select_related included; docs/decisions/0024-statements-made-once.md tells what it gains.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connections, models, router, transaction
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)
Key = str | int | UUID
Fields = list[Any]  # concrete fields, in the order of the statement's values


class ReadOne(Generic[M]):
    """`ReadOne(Client.objects.all, "client_id")` is a function: the client with this client_id, or None.

    The column, by its name in the model, is unique.
    """

    def __init__(self, rows: Callable[[], models.QuerySet[M]], column: str) -> None:
        self._rows, self._column = rows, column
        self._made: dict[str, _Statement[M]] = {}  # by alias: tables and converters differ between databases

    def __call__(self, value: Key) -> M | None:
        rows = self._rows()
        alias = router.db_for_read(rows.model)
        if alias not in self._made:
            self._made[alias] = _Statement(rows.filter(**{self._column: value}).order_by(), self._column, alias)
        return self._made[alias].read(value)


class _Statement(Generic[M]):
    """A queryset's SQL and how Django makes instances of what it gives (as ModelIterable does)."""

    def __init__(self, rows: models.QuerySet[M], column: str, alias: str) -> None:
        compiler: Any = rows.query.get_compiler(using=alias)
        self._alias, self._model = alias, rows.model
        self._sql, _value = compiler.as_sql()
        self._by: Any = rows.model._meta.get_field(column)
        own = compiler.klass_info["select_fields"]
        self._own = slice(own[0], own[-1] + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._own]]
        self._related = get_related_populators(compiler.klass_info, compiler.select, alias)  # type: ignore[call-arg]
        self._converters = compiler.get_converters(column[0] for column in compiler.select)

    def read(self, value: Key) -> M | None:
        connection = connections[self._alias]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, [self._by.get_db_prep_value(value, connection)])
            found = cursor.fetchone()
        return self._instance(list(found)) if found else None

    def _instance(self, values: list[Any]) -> M:
        for position, (converters, expression) in self._converters.items():
            for convert in converters:
                values[position] = convert(values[position], expression, connections[self._alias])
        one: M = self._model.from_db(self._alias, self._names, values[self._own])
        for related in self._related:
            related.populate(values, one)
        return one


def insert(row: models.Model) -> None:
    """Write a new row whose columns are all set, and learn its number if the database gives one. No signals."""
    alias = router.db_for_write(type(row))
    sql, fields = _insertion(type(row), alias)
    connection = connections[alias]
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    with transaction.mark_for_rollback_on_error(using=alias), connection.cursor() as cursor:
        cursor.execute(sql, values)
        if row.pk is None:
            row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, alias


@cache
def _insertion(model: type[models.Model], alias: str) -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[alias].ops.quote_name
    fields = [field for field in meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = ", ".join(quote(field.column) for field in fields)
    places = ", ".join("%s" for _ in fields)
    into, pk = quote(meta.db_table), quote(meta.pk.column)
    return f"INSERT INTO {into} ({columns}) VALUES ({places}) RETURNING {pk}", fields  # noqa: S608


def change(model: type[models.Model], pk: Key, while_null: tuple[str, ...] = (), **columns: Any) -> bool:
    """Set these columns of one row, in one statement, unless one of `while_null` has a value: then False."""
    alias = router.db_for_write(model)
    sql, fields = _changing(model, alias, while_null, tuple(columns))
    connection = connections[alias]
    values = [field.get_db_prep_save(columns[field.attname], connection) for field in fields]
    with transaction.mark_for_rollback_on_error(using=alias), connection.cursor() as cursor:
        cursor.execute(sql, [*values, model._meta.pk.get_db_prep_value(pk, connection)])
        return bool(cursor.rowcount == 1)


@cache
def _changing(
    model: type[models.Model], alias: str, while_null: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[str, Fields]:
    meta: Any = model._meta
    quote = connections[alias].ops.quote_name
    fields = [meta.get_field(name) for name in columns]
    sets = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    nulls = "".join(f" AND {quote(meta.get_field(name).column)} IS NULL" for name in while_null)
    return f"UPDATE {quote(meta.db_table)} SET {sets} WHERE {quote(meta.pk.column)} = %s{nulls}", fields  # noqa: S608


def write(model: type[models.Model], sql: str, *values: Any) -> int:
    """Send a write to this model's table that `insert` and `change` cannot say; returns how many rows it wrote.

    The SQL is of both databases; tests run it on both, since no model holds its column names.
    """
    alias = router.db_for_write(model)
    connection = connections[alias]
    adapt = connection.ops.adapt_datetimefield_value
    adapted = [adapt(value) if isinstance(value, datetime) else value for value in values]
    with transaction.mark_for_rollback_on_error(using=alias), connection.cursor() as cursor:
        cursor.execute(sql, adapted)
        return int(cursor.rowcount)
