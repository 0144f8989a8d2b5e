"""The statements that insert and find grants, the same for SQLite and PostgreSQL."""

from datetime import datetime

from accounts.models import Agent, AgentSession
from cerbere.core.rows import execute_write, fetch_instances, list_columns, make_insert
from cerbere.provider.clients.models import Client
from cerbere.provider.tokens.models import Grant, Tokens
from twofactor.otp_mel.models import OtpMelDevice
from twofactor.otp_mel.queries import join_device

# A grant with the rows that its validity depends on.
GRANT = f"""
    SELECT {list_columns(Grant, "g")}, {list_columns(Client, "c")}, {list_columns(Agent, "a")},
           {list_columns(OtpMelDevice, "d")}, {list_columns(AgentSession, "s")}
    FROM provider_grant AS g
    JOIN provider_client AS c ON c.id = g.client_id
    JOIN accounts_agent AS a ON a.id = g.agent_id
    LEFT JOIN twofactor_otpmeldevice AS d ON d.user_id = a.id
    LEFT JOIN accounts_agentsession AS s ON s.sid = g.session_id"""  # noqa: S608 - names of columns, no values
GRANT_BY_CODE = f"{GRANT} WHERE g.code_digest = %s"
GRANT_BY_ACCESS_TOKEN = f"{GRANT} WHERE g.access_digest = %s"
GRANT_BY_FAMILY = f"{GRANT} WHERE g.family = %s"
INSERT_GRANT = make_insert(Grant)
TOKEN_COLUMNS = ("access_digest", "access_expires_at", "family", "refresh_digest")
REDEEM_GRANT = """
    UPDATE provider_grant
    SET redeemed_at = %s, access_digest = %s, access_expires_at = %s, family = %s, refresh_digest = %s
    WHERE id = %s AND redeemed_at IS NULL AND revoked_at IS NULL"""


def find_grant(sql: str, key: str) -> Grant | None:
    """Return the grant that one of the statements above finds, as `Grant.objects.with_validity_relations` would."""
    found = fetch_instances(sql, [key], Grant, Client, Agent, OtpMelDevice, AgentSession)
    if found is None:
        return None
    grant: Grant
    grant, client, agent, device, session = found
    grant.client, grant.agent, grant.session = client, agent, session
    join_device(agent, device)
    return grant


def redeem_grant(grant: Grant, tokens: Tokens, now: datetime) -> bool:
    """Burn the code of a grant and attach the tokens in one statement; return False when it was burnt already."""
    columns = tokens.to_columns(now)
    values = [now, *(columns.get(name, getattr(grant, name)) for name in TOKEN_COLUMNS), grant.pk]
    return execute_write(REDEEM_GRANT, values) == 1
