"""Fill a database as years of use would: 100 000 agents with their second factor, 1 000 000 grants of other days.

Rows are copies, made by PostgreSQL, of the first one of their table: nothing is known here but the tables' names and
the columns that must differ for a realistic copy.
"""

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

AGENTS, GRANTS = 100_000, 1_000_000
# What a unique column of this type holds in the n-th copy. A digest is as long as the values of text columns are.
UNIQUE_VALUES = {
    "uuid": "gen_random_uuid()",
    "text": "encode(sha256(('{column}' || n)::bytea), 'hex')",
    "varchar": "encode(sha256(('{column}' || n)::bytea), 'hex')",
}
COLUMNS = """
SELECT attname, typname, EXISTS (
    SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND indnkeyatts = 1 AND indkey[0] = attnum)
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attname <> 'id'
"""


def grow(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        copy_first_row(connection, "accounts_agent", AGENTS, {})
        first = connection.execute("SELECT max(id) - %s FROM accounts_agent", [AGENTS]).fetchone()
        assert first
        copy_first_row(connection, "twofactor_otpmeldevice", AGENTS, {"user_id": f"{first[0]} + n"})
        other_days = {
            "agent_id": f"{first[0]} + 1 + n % {AGENTS}", "session_id": "NULL",
            "created_at": "now() - interval '2 days' - n * interval '1 second'",
        }  # fmt: skip
        copy_first_row(connection, "provider_grant", GRANTS, other_days)
        connection.execute("VACUUM ANALYZE")


def copy_first_row(connection: psycopg.Connection, table: str, times: int, values: dict[str, str]) -> None:
    """Copy the first row; `values` and those of unique columns are SQL of the copy's number n."""
    columns = connection.execute(COLUMNS, [table]).fetchall()
    copied = SQL(", ").join(value_of(name, kind, is_unique, values) for name, kind, is_unique in columns)
    connection.execute(
        SQL("INSERT INTO {table} ({names}) SELECT {copied} FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) one,"
            " generate_series(1, {times}) n").format(
            table=Identifier(table), names=SQL(", ").join(Identifier(name) for name, _, _ in columns),
            copied=copied, times=Literal(times),
        )
    )  # fmt: skip


def value_of(name: str, kind: str, is_unique: bool, values: dict[str, str]) -> Composed:
    """Return the SQL of one column. A unique column that is NULL or is empty in the first row stays so."""
    column = SQL("one.{}").format(Identifier(name))
    if name in values:
        return Composed([SQL(values[name])])
    if not is_unique or kind not in UNIQUE_VALUES:
        return column
    unique = SQL(UNIQUE_VALUES[kind].format(column=name))
    return SQL("CASE WHEN {column} IS NULL THEN NULL ELSE {unique} END").format(column=column, unique=unique)
