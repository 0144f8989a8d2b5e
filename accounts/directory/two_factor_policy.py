"""What the directory demands of a person's authentication (`mineqInfoSec`). No Django here."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

Said = bool | datetime
MOMENT = re.compile(r"[0-9]{14}Z\Z", re.ASCII)
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)  # obliged, and no date says from when
LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # 99991231235959Z has no local time in Paris


@dataclass(frozen=True)
class Policy:
    """`required_from`: when two factors begin to be demanded, the directory's own grace included; None: never.

    `malformed` names the lines that said nothing we understand.
    """

    required_from: datetime | None = None
    malformed: tuple[str, ...] = ()


def policy_of(lines: Iterable[str]) -> Policy:
    """Read the lines `Name: value` that we know; others say something else and are ignored.

    A malformed line counts on the safe side: an obligation is one, a date has passed, a grace is none. Of
    contradicting lines the stricter counts, whatever their order. Dates oblige nobody by themselves.
    """
    said: dict[str, list[Said]] = {name: [] for name in READERS}
    malformed = []
    for line in lines:
        name, _, value = (part.strip().lower() for part in line.partition(":"))
        if name not in READERS:
            continue
        try:
            said[name].append(READERS[name](value))
        except ValueError:
            malformed.append(name)
            said[name].append(SAFE[name])
    return Policy(_required_from(said), tuple(malformed))


def _required_from(said: dict[str, list[Said]]) -> datetime | None:
    if not any(said["2fa.forcee"] + said["doubleauth.obligatoire"]):
        return None
    return max(_earliest(said["2fa.datebutoir"]), _earliest(said["2fa.datedegrace"]))


def _earliest(said: list[Said]) -> datetime:
    return min((moment for moment in said if isinstance(moment, datetime)), default=ALWAYS)


def _one_of(yes: str, no: str) -> Callable[[str], bool]:
    def reader(value: str) -> bool:
        if value not in (yes, no):
            raise ValueError(value)
        return value == yes

    return reader


def _moment(value: str) -> datetime:
    """YYYYmmddHHMMSSZ, in UTC. Raises ValueError."""
    digits = value.upper()
    if not MOMENT.match(digits):
        raise ValueError(value)
    return min(datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC), LATEST)


READERS: dict[str, Callable[[str], Said]] = {
    "2fa.forcee": _one_of("1", "0"),
    "doubleauth.obligatoire": _one_of("oui", "non"),
    "2fa.datebutoir": _moment,
    "2fa.datedegrace": _moment,
}
SAFE: dict[str, Said] = {
    "2fa.forcee": True, "doubleauth.obligatoire": True, "2fa.datebutoir": ALWAYS, "2fa.datedegrace": ALWAYS,
}  # fmt: skip
