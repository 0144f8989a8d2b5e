"""The statement that reads a client, the same for SQLite and PostgreSQL."""

from cerbere.core.rows import fetch_instances, list_columns
from cerbere.provider.clients.models import Client

CLIENT_BY_ID = f"SELECT {list_columns(Client, 'c')} FROM provider_client AS c WHERE c.client_id = %s"  # noqa: S608


def find_client_by_id(client_id: str) -> Client | None:
    """Return the client, enabled or not, None for an unknown client_id."""
    found = fetch_instances(CLIENT_BY_ID, [client_id], Client)
    return found[0] if found else None
