"""The statement that reads the agent of every request, the same for SQLite and PostgreSQL."""

from accounts.models import Agent
from cerbere.core.rows import fetch_instances, list_columns
from twofactor.otp_mel.models import OtpMelDevice

AGENT_BY_PK = f"""
    SELECT {list_columns(Agent, "a")}, {list_columns(OtpMelDevice, "d")}
    FROM accounts_agent AS a LEFT JOIN twofactor_otpmeldevice AS d ON d.user_id = a.id
    WHERE a.id = %s"""  # noqa: S608 - names of columns, no values


def find_agent(pk: int) -> Agent | None:
    """Return the agent with the OTP Mél row that there is."""
    found = fetch_instances(AGENT_BY_PK, [pk], Agent, OtpMelDevice)
    return join_device(*found) if found else None


def join_device(agent: Agent, device: OtpMelDevice | None) -> Agent:
    """Set `agent.otp_mel` from one row of a join. An agent who has no row gets one that is not saved: no method."""
    if device is None:
        device = OtpMelDevice()
    device.user = agent
    return agent
