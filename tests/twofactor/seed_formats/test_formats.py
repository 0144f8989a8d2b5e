"""What each format gives of real-looking exports, and what hostile ones cannot do. Every secret here is invented."""

import base64
import contextlib
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.imports.seed_formats import BOTH, EXPECTED, ONE, SEEDS, read_content
from twofactor.seed_formats import (
    FORMATS,
    BadFile,
    Entry,
    Fault,
    Options,
    detect_format,
    dynalogin,
    json_text,
)
from twofactor.seed_formats.entry import ISSUERS, check_parameters
from twofactor.seed_formats.pskc_values import NAMES


@pytest.mark.parametrize("name", EXPECTED)
def test_what_an_export_gives(name):
    format_, faults = EXPECTED[name]
    content = (SEEDS / name).read_bytes()
    assert read_content(content) == read_content(content, format_) == [*BOTH, *faults]
    assert detect_format(io.BufferedReader(io.BytesIO(content))) == format_


def test_every_file_of_the_vectors_is_read():
    assert {path.name for path in SEEDS.iterdir()} == {*EXPECTED, "rfc6030-figure6.xml"}


@pytest.mark.parametrize("name", FORMATS)
@given(st.binary(max_size=400))
def test_no_content_makes_a_reader_stumble(name, content):
    for head in (b"", b"uid,secret\n", b"COPY dynalogin_user FROM stdin;\n", b"INSERT INTO dynalogin_user VALUES ("):
        with contextlib.suppress(BadFile, UnicodeDecodeError):
            results = [item for _, item in FORMATS[name](io.BytesIO(head + content), Options())]
            assert all(isinstance(item, (Entry, Fault)) for item in results)


@pytest.mark.parametrize("name", ["csv", "dynalogin", "oath-csv", "migration", "pskc"])
def test_a_line_without_end_is_not_held(name):
    class Endless(io.RawIOBase):
        left = 64 * 2**20

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = b"a" * size
            self.left -= size
            return size

    heads = {
        "csv": "uid,secret\n", "oath-csv": "# version: 2\n", "migration": "",
        "dynalogin": "COPY dynalogin_user FROM stdin;\n", "pskc": f"<KeyContainer xmlns='{NAMES['p']}'><KeyPackage>",
    }  # fmt: skip
    file = io.BufferedReader(Endless(), 2**16)
    whole = io.BufferedReader(Joined(heads[name].encode(), file))
    tracemalloc.start()
    try:
        results = [item for _, item in FORMATS[name](whole, Options())]
        assert results == [Fault.LINE]
    except BadFile:
        assert name == "pskc"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 16 * 2**20


class Joined(io.RawIOBase):
    """One file after some bytes."""

    def __init__(self, head, rest):
        super().__init__()
        self.head, self.rest = io.BytesIO(head), rest

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.head.readinto(buffer) or self.rest.readinto(buffer)


# --- dynalogin ----------------------------------------------------------------------------------------


def test_a_dump_of_other_tables_is_refused():
    text = "INSERT INTO other VALUES ('x\nINSERT INTO dynalogin_user VALUES (1)');\n"
    for statement in (text, "COPY other (a) FROM stdin;\n", "UPDATE dynalogin_user SET secret = 'x';\n"):
        with pytest.raises(BadFile, match="dump that table alone"):
            read_content(statement, "dynalogin")


def test_a_row_that_is_cut_does_not_take_the_next_statement_with_it():
    cut = "INSERT INTO dynalogin_user (userid, scheme, secret) VALUES ('a', 'TOTP', 'x\n"
    whole = "INSERT INTO dynalogin_user (userid, scheme, secret) VALUES ('b', 'TOTP', 'y');\n"
    assert read_content(cut + whole, "dynalogin") == ["unreadable_line", ("b", b"y")]


def test_a_line_of_a_dump_that_is_too_long_is_told(monkeypatch):
    monkeypatch.setattr(dynalogin, "LINE_LENGTH", 200)
    start = "INSERT INTO dynalogin_user (userid, scheme, secret) VALUES\n"
    row = "('a', 'TOTP', 'x');\n"
    for text in (start + " " * 200 + row, start.strip() + " " * 200 + row):
        assert read_content(text + start + row, "dynalogin") == ["unreadable_line", ("a", b"x")]
    assert read_content(start, "dynalogin") == []


@pytest.mark.parametrize("row", ["1", "'a','TOTP'", "'a','TOTP','x','y'", "'a' 'b','TOTP','x'", "'a',NOW(),'x'", ""])
def test_a_row_with_other_columns_is_unreadable(row):
    text = f"INSERT INTO dynalogin_user (userid, scheme, secret) VALUES ({row});\n"
    assert read_content(text, "dynalogin") == ["unreadable_line"]


def test_the_encoding_of_the_option_is_that_of_the_table():
    text = f"userid,scheme,secret\na,TOTP,{base64.b32encode(ONE).decode()}\n"
    assert read_content(text, "dynalogin", Options(encoding="base32")) == [("a", ONE)]


def test_a_userid_longer_than_the_column_is_not_dynalogins():
    assert read_content(f"userid,scheme,secret\n{'a' * 33},TOTP,x\n", "dynalogin") == ["unreadable_line"]


# --- OATH CSV -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["TOTP0001, 696e76, TOTP, 6, 30\n", "", "serial,user\n", "user,uid,seed\n", '"user,seed\n']
)
def test_oath_csv_without_users_is_refused(text):
    with pytest.raises(BadFile, match="user and seed"):
        read_content(text, "oath-csv")


# --- JSON ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["keycloak", "lemonldap"])
@pytest.mark.parametrize("text", ["", "{", "[" * 200_000, "\xff"])
def test_what_is_not_json_is_refused(name, text):
    with pytest.raises(BadFile, match="not JSON"):
        read_content(text.encode("latin-1"), name)


def test_json_is_bounded(monkeypatch):
    monkeypatch.setattr(json_text, "LENGTH", 10)
    with pytest.raises(BadFile, match="longer"):
        read_content("[" + " " * 20 + "]", "keycloak")


@pytest.mark.parametrize(
    "value",
    [
        1,
        None,
        "x",
        [],
        {},
        [[]],
        {"users": 1},
        [{"users": [{"credentials": [{"type": "otp"}, {"type": "otp", "secretData": "{}", "credentialData": "{}"}]}]}],
    ],
)
def test_json_of_another_shape_gives_nothing_and_no_error(value):
    for name in ("keycloak", "lemonldap"):
        assert all(isinstance(item, str) for item in read_content(json.dumps(value), name))


# --- What is common -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("uid,secret\n", "csv"), ("\ufeffuid;secret\n", "csv"), ("", "csv"), ("\n otpauth://totp/x\n", "otpauth"),
        ("otpauth-migration://offline?data=x", "migration"), ("\ufeff<?xml version='1.0'?>", "pskc"),
        ('{"realm": "x"}', "keycloak"), ('[{"_session_uid": "x"}]', "lemonldap"), ("serial,user,seed\n", "oath-csv"),
        ("# version: 2\n", "oath-csv"), ("userid;scheme;secret\n", "dynalogin"),
        ("-- dump\n\nCOPY public.dynalogin_user FROM stdin;\n", "dynalogin"),
    ],
)  # fmt: skip
def test_the_beginning_tells_the_format_and_is_read_again(content, name):
    file = io.BufferedReader(io.BytesIO(content.encode()))
    assert detect_format(file) == name
    assert file.read() == content.encode()


def test_another_issuer_can_be_allowed():
    uri = f"otpauth://totp/Portail:a?secret={base64.b32encode(ONE).decode()}&issuer=Portail"
    assert read_content(uri) == ["unsupported_issuer"]
    assert read_content(uri, "auto", Options(issuers=ISSUERS | {"Portail"})) == [("a", ONE)]


@pytest.mark.parametrize("algorithm", ["sha1", "SHA-1", "HmacSHA1", "HMAC-SHA1"])
def test_spellings_of_sha_1(algorithm):
    check_parameters(algorithm=algorithm)


def test_nothing_shows_a_seed_or_a_key_by_accident():
    assert "invented" not in repr(Entry("a", ONE))
    assert "invented" not in repr(Options(psk=ONE))
