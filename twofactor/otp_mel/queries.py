"""The statement that reads the agent of every request, the same for SQLite and PostgreSQL."""

from accounts.models import Agent
from cerbere.core.rows import fetch_instances, list_columns
from twofactor.otp_mel.models import OtpMelDevice

AGENT_BY_PK = f"""
    SELECT {list_columns(Agent, "a")}, {list_columns(OtpMelDevice, "d")}
    FROM accounts_agent AS a LEFT JOIN twofactor_otpmeldevice AS d ON d.user_id = a.id
    WHERE a.id = %s"""  # noqa: S608 - names of columns, no values


def find_agent(pk: int) -> Agent | None:
    """Return the agent with this primary key and their OTP Mél row, if any; None if there is no such agent."""
    found = fetch_instances(AGENT_BY_PK, [pk], Agent, OtpMelDevice)
    return join_device(*found) if found else None


def join_device(agent: Agent, device: OtpMelDevice | None) -> Agent:
    """Set `agent.otp_mel`, to an unsaved and inactive device if there is no row, and return the agent."""
    if device is None:
        device = OtpMelDevice()
    device.user = agent
    return agent
