"""The directory's demands on a person's authentication (`mineqInfoSec`). No Django here."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

Value = bool | datetime
TIMESTAMP = re.compile(r"[0-9]{14}Z\Z", re.ASCII)
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)  # obliged, without a date from which
LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # 99991231235959Z has no local time in Paris


@dataclass(frozen=True)
class Policy:
    """The policy for one person.

    `required_from`: when two factors begin to be demanded, the directory's own grace included; None: never.
    `malformed`: the names of the lines that could not be read.
    """

    required_from: datetime | None = None
    malformed: tuple[str, ...] = ()


def parse_policy(lines: Iterable[str]) -> Policy:
    """Parse the lines `Name: value` whose names are known; the other lines are about something else.

    A malformed line counts on the safe side: an obligation is one, a date has passed, a grace is none. Of
    contradicting lines the stricter counts, whatever their order. A date alone obliges no one.
    """
    values: dict[str, list[Value]] = {name: [] for name in READERS}
    malformed = []
    for line in lines:
        name, _, value = (part.strip().lower() for part in line.partition(":"))
        if name not in READERS:
            continue
        try:
            values[name].append(READERS[name](value))
        except ValueError:
            malformed.append(name)
            values[name].append(SAFE_VALUES[name])
    return Policy(_find_required_from(values), tuple(malformed))


def _find_required_from(values: dict[str, list[Value]]) -> datetime | None:
    if not any(values["2fa.forcee"] + values["doubleauth.obligatoire"]):
        return None
    return max(_find_earliest(values["2fa.datebutoir"]), _find_earliest(values["2fa.datedegrace"]))


def _find_earliest(values: list[Value]) -> datetime:
    return min((value for value in values if isinstance(value, datetime)), default=ALWAYS)


def _make_flag_reader(yes: str, no: str) -> Callable[[str], bool]:
    def read_flag(value: str) -> bool:
        if value not in (yes, no):
            raise ValueError(value)
        return value == yes

    return read_flag


def _read_timestamp(value: str) -> datetime:
    """Read YYYYmmddHHMMSSZ, in UTC. Raises ValueError."""
    digits = value.upper()
    if not TIMESTAMP.match(digits):
        raise ValueError(value)
    return min(datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC), LATEST)


READERS: dict[str, Callable[[str], Value]] = {
    "2fa.forcee": _make_flag_reader("1", "0"),
    "doubleauth.obligatoire": _make_flag_reader("oui", "non"),
    "2fa.datebutoir": _read_timestamp,
    "2fa.datedegrace": _read_timestamp,
}
SAFE_VALUES: dict[str, Value] = {
    "2fa.forcee": True, "doubleauth.obligatoire": True, "2fa.datebutoir": ALWAYS, "2fa.datedegrace": ALWAYS,
}  # fmt: skip
