"""Explicit statements whose rows become instances of models.

Only for the few statements that every sign-on sends (a `queries.py` beside their models): Django makes the text of a
queryset anew at each use, which takes longer than the database's answer. Columns come from the models' fields, values
go through them, and Django's cursor sends the text.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models

Converter = tuple[int, Callable[..., Any], models.Value]


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.get_fields() if field.concrete and not field.many_to_many]


def list_columns(model: type[models.Model], alias: str) -> str:
    """Return all columns of a model for a SELECT, in the order in which `fetch_instances` reads them."""
    return ", ".join(f'{alias}."{field.column}"' for field in _fields(model))


def fetch_instances(sql: str, values: Sequence[Any], *made_of: type[models.Model]) -> list[Any] | None:
    """Return one instance of each of these models from the first row, None when there is no row.

    The row has all columns of each model in turn (`list_columns`). A model without a row in an outer join is None.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row = cursor.fetchone()
    if row is None:
        return None
    instances, start = [], 0
    for model in made_of:
        end = start + len(_fields(model))
        instances.append(_make_instance(model, list(row[start:end])))
        start = end
    return instances


def _make_instance(model: type[models.Model], values: list[Any]) -> models.Model | None:
    names, key, converters = _reading(model)
    if values[key] is None:
        return None
    for position, convert, expression in converters:
        values[position] = convert(values[position], expression, connection)
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


@cache
def _reading(model: type[models.Model]) -> tuple[list[str], int, list[Converter]]:
    """Return the fields' names, which of them is the key, and the conversions that this database's values need."""
    fields, converters = _fields(model), []
    for position, field in enumerate(fields):
        value = models.Value(None, output_field=field)
        found = connection.ops.get_db_converters(value) + value.get_db_converters(connection)
        converters += [(position, convert, value) for convert in found]
    key = next(position for position, field in enumerate(fields) if field.primary_key)
    return [field.attname for field in fields], key, converters


def make_insert(model: type[models.Model]) -> str:
    """Return the INSERT of all columns but the key, which the database gives and the statement returns."""
    names = [field.column for field in _fields(model) if not field.primary_key]
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("%s" for _ in names)
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places}) RETURNING "{model._meta.pk.column}"'  # noqa: S608


def insert_instance(sql: str, instance: models.Model) -> None:
    """Send a statement of `make_insert`, and give the instance its key. No signal of the model is sent."""
    fields = [field for field in _fields(type(instance)) if not field.primary_key]
    values = [field.get_db_prep_save(getattr(instance, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        instance.pk = cursor.fetchone()[0]


def execute_write(sql: str, values: Sequence[Any]) -> int:
    """Send an INSERT, UPDATE or DELETE with its datetimes as the database takes them; return how many rows it wrote."""
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(sql, [adapt(value) if isinstance(value, datetime) else value for value in values])
        return int(cursor.rowcount)
