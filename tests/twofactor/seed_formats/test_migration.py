"""Google Authenticator's migration links: what a phone exports is what is read, and nothing broken is guessed at."""

import base64
import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.imports.seed_formats import BOTH, TWO, account, field, make_migration_link, read_content, varint
from twofactor.seed_formats import migration


def test_a_migration_link_gives_its_accounts():
    links = (
        make_migration_link(account(), account(TWO, b"dominique.morel"))
        + "\n"
        + make_migration_link(account(TWO, b"M2Web:sasha", b""))
    )
    assert read_content(links) == [*BOTH, ("sasha", TWO)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": 1}, "unsupported_type"), ({"kind": 0}, "unsupported_type"), ({"kind": None}, "unsupported_type"),
        ({"algorithm": 2}, "unsupported_algorithm"), ({"algorithm": 4}, "unsupported_algorithm"),
        ({"digits": 2}, "unsupported_digits"), ({"digits": 3}, "unsupported_digits"),
        ({"issuer": b"GitHub", "name": b"GitHub:camille.durand"}, "unsupported_issuer"),
        ({"issuer": b"M2Web"}, "unsupported_issuer"), ({"issuer": b"", "name": b"camille"}, "unsupported_issuer"),
        ({"secret": b""}, "unreadable_secret"), ({"secret": 7}, "unreadable_line"), ({"name": b""}, "unreadable_line"),
        ({"name": b"Bnum:\xff"}, "unreadable_line"), ({"more": field(1, TWO)}, "unreadable_line"),
        ({"more": b"\x0a\x7f"}, "unreadable_line"), ({"more": b"\x0b"}, "unreadable_line"),
        ({"more": b"\xff" * 10}, "unreadable_line"), ({"more": b"\x80"}, "unreadable_line"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_be_checked_is_refused_and_its_neighbour_is_not(changes, fault):
    assert read_content(make_migration_link(account(**changes), account())) == [fault, BOTH[0]]


def test_what_is_unspecified_or_unknown_is_passed_over():
    more = varint(9 << 3 | 1) + bytes(8) + varint(10 << 3 | 5) + bytes(4) + field(8, b"unique id") + field(7, 3)
    assert read_content(make_migration_link(account(algorithm=None, digits=None, more=more))) == [BOTH[0]]
    assert read_content(make_migration_link(account(algorithm=0, digits=0))) == [BOTH[0]]


@pytest.mark.parametrize(
    "line",
    ["otpauth-migration://offline", "otpauth-migration://offline?data=%", "otpauth-migration://offline?data=é",
     "otpauth-migration://offline?data=AAA", "otpauth-migration://offline?data=CgA=&data=CgA=", "otpauth://x",
     "otpauth-migration://[offline?data=CgA=", make_migration_link(tail=b"\xff"),
     make_migration_link(tail=b"\x0a\xff\xff\xff\xff\x0f")],
)  # fmt: skip
def test_a_broken_link_is_one_fault_and_the_next_line_is_read(line):
    assert read_content(f"{line}\n{make_migration_link(account())}\n", "migration") == ["unreadable_line", BOTH[0]]


@pytest.mark.parametrize("encode", [base64.b64encode, lambda data: quote(base64.b64encode(data), safe="").encode()])
def test_a_link_whose_base64_was_not_escaped_is_read_too(encode):
    secret = b"\xfb\xef\xbe\xff" * 5
    data = encode(field(1, account(secret))).decode()
    assert read_content(f"otpauth-migration://offline?data={data}") == [("camille.durand", secret)]


SECRETS = st.binary(min_size=1, max_size=64)
NAMES_OF_AGENTS = st.from_regex(r"[a-z]{1,20}\.[a-z]{1,20}", fullmatch=True)


@given(st.lists(st.tuples(NAMES_OF_AGENTS, SECRETS), min_size=1, max_size=6))
def test_what_a_phone_exports_is_what_is_read(pairs):
    accounts = [account(secret, b"Bnum:" + uid.encode()) for uid, secret in pairs]
    assert read_content(make_migration_link(*accounts)) == pairs


@given(st.lists(st.tuples(st.integers(1, 2**28), st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=300)))))
def test_the_wire_format_round_trips(pairs):
    assert list(migration.parse_fields(b"".join(field(*pair) for pair in pairs))) == pairs


@given(st.binary(max_size=60))
def test_broken_wire_format_is_a_value_error(data):
    with contextlib.suppress(ValueError):
        list(migration.parse_fields(data))
