"""Reading the Bnum's secrets: encodings, states, and answers that must not be believed."""

import base64
from contextlib import suppress

import pytest
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from tests.support.people import CAMILLE_BASE32, CAMILLE_SECRET, put_on_bnum
from twofactor.secret_encodings import decode_secret
from twofactor.seeds.models import ImportedSeed
from twofactor.sources import SourceUnavailable, State, get_source
from twofactor.sources.database import DatabaseSource
from twofactor.sources.imported import ImportedSource


@given(st.text(st.characters(max_codepoint=127), max_size=64))
def test_a_raw_secret_is_its_own_bytes(secret):
    assert decode_secret(secret, "raw") == secret.encode()


@given(st.binary(max_size=64), st.booleans(), st.booleans(), st.sampled_from(["", " ", "-"]))
def test_t21_base32_in_any_case_with_spaces_or_padding(seed, lower, padded, separator):
    text = base64.b32encode(seed).decode()
    text = text if padded else text.rstrip("=")
    text = separator.join(text[i : i + 4] for i in range(0, len(text), 4))
    assert decode_secret(text.lower() if lower else text, "base32") == seed


@given(st.binary(max_size=64))
def test_hex_in_any_case(seed):
    assert decode_secret(seed.hex(), "hex") == decode_secret(seed.hex().upper(), "hex") == seed


@given(st.text(max_size=64), st.sampled_from(["raw", "base32", "hex"]))
def test_any_other_text_is_a_value_error(secret, encoding):
    with suppress(ValueError):
        assert isinstance(decode_secret(secret, encoding), bytes)


@given(st.text(min_size=1).filter(lambda text: not text.isascii()), st.sampled_from(["raw", "base32", "hex"]))
def test_a_secret_is_ascii_whatever_its_encoding(secret, encoding):
    with pytest.raises(ValueError):  # noqa: PT011 - the contract
        decode_secret(secret, encoding)


@pytest.mark.parametrize("secret", ["ſSSS", "ıIII", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", "A", "AAA", "1", "!!!!"])
def test_what_is_not_base32_is_not_guessed_at(secret):
    with pytest.raises(ValueError):  # noqa: PT011 - the contract
        decode_secret(secret, "base32")


@pytest.mark.django_db
class TestDatabaseSource:
    @pytest.mark.parametrize(
        ("encoding", "secret"),
        [
            ("raw", CAMILLE_SECRET),
            ("base32", CAMILLE_BASE32),
            ("base32", CAMILLE_BASE32.lower()),
            ("hex", "00ff" * 8),
        ],
    )
    def test_the_declared_encoding_is_used(self, settings, encoding, secret):
        settings.MELOTP_ENCODING = encoding
        put_on_bnum("camille.durand", secret)
        assert DatabaseSource().look_up("camille.durand") == (State.PRESENT, decode_secret(secret, encoding))

    def test_a_short_secret_is_accepted_and_the_operator_warned(self, caplog):
        put_on_bnum("camille.durand", "abc123")
        assert DatabaseSource().look_up("camille.durand") == (State.PRESENT, b"abc123")
        assert "short_secret" in caplog.text
        assert "abc123" not in caplog.text

    def test_a_secret_that_cannot_be_decoded_is_told_to_the_operator_without_it(self, settings, caplog):
        settings.MELOTP_ENCODING = "hex"
        put_on_bnum("camille.durand", "canary-of-a-secret")
        assert DatabaseSource().look_up("camille.durand") == (State.UNSUPPORTED, None)
        assert "secret_not_readable" in caplog.text
        assert "canary" not in caplog.text

    def test_f10_an_answer_for_somebody_else_is_not_believed(self, settings, caplog):
        """A view or a collation of the Bnum's database may compare uids in its own way."""
        put_on_bnum("camille.durand", CAMILLE_SECRET)
        with connections["bnum"].cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY VIEW IF NOT EXISTS folded AS "
                "SELECT userid COLLATE NOCASE AS userid, scheme, secret, locked, password FROM dynalogin_user"
            )
        settings.MELOTP_TABLE = "folded"
        with pytest.raises(SourceUnavailable, match="another_uid"):
            get_source().look_up("CAMILLE.durand")
        assert "record_unusable" in caplog.text

    def test_columns_may_have_other_names(self, settings):
        put_on_bnum("camille.durand", CAMILLE_SECRET)
        with connections["bnum"].cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY VIEW IF NOT EXISTS otp AS SELECT userid AS login, scheme AS mode, secret AS cle, "
                "locked AS bloque, password AS prefixe FROM dynalogin_user"
            )
        settings.MELOTP_TABLE = "otp"
        names = {"userid": "login", "scheme": "mode", "secret": "cle", "locked": "bloque", "password": "prefixe"}
        settings.MELOTP_COLUMNS = names
        assert DatabaseSource().look_up("camille.durand") == (State.PRESENT, CAMILLE_SECRET.encode())
        put_on_bnum("camille.durand", locked=1)
        assert DatabaseSource().look_up("camille.durand") == (State.LOCKED, None)
        put_on_bnum("camille.durand", password="1234")
        assert DatabaseSource().look_up("camille.durand") == (State.UNSUPPORTED, None)

    @pytest.mark.parametrize("length", [16, 26, 32, 52, 64])
    @pytest.mark.parametrize("spell", [str, str.lower, "{:=<72}".format, lambda text: f" {text[:4]} {text[4:]} "])
    def test_t21_base32_as_applications_show_it(self, settings, length, spell):
        settings.MELOTP_ENCODING = "base32"
        text = (CAMILLE_BASE32 * 2)[:length]
        put_on_bnum("camille.durand", spell(text))
        seed = base64.b32decode(text + "=" * (-length % 8))
        assert DatabaseSource().look_up("camille.durand") == (State.PRESENT, seed)

    @pytest.mark.parametrize("text", ["GEZD=GNBVGY3TQOJQ", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQG", "=", "GEZD,GNBV"])
    def test_t21_what_is_not_base32_is_a_clear_state(self, settings, text, caplog):
        settings.MELOTP_ENCODING = "base32"
        put_on_bnum("camille.durand", text)
        assert DatabaseSource().look_up("camille.durand") == (State.UNSUPPORTED, None)
        assert "secret_not_readable" in caplog.text

    def test_absent_and_unavailable_are_different_answers(self, settings):
        assert DatabaseSource().look_up("sasha.petit") == (State.ABSENT, None)
        settings.MELOTP_TABLE = "no_such_table"
        with pytest.raises(SourceUnavailable):
            DatabaseSource().look_up("sasha.petit")

    @pytest.mark.parametrize("uid", ["' OR '1'='1", "camille.durand' --", "%", "camille%"])
    def test_a_uid_is_never_part_of_the_statement(self, uid):
        put_on_bnum("camille.durand", CAMILLE_SECRET)
        assert DatabaseSource().look_up(uid) == (State.ABSENT, None)


@pytest.mark.django_db
def test_the_setting_chooses_the_source(settings):
    assert isinstance(get_source().source, DatabaseSource)
    settings.MELOTP_SOURCE = "imported"
    assert isinstance(get_source().source, ImportedSource)


@pytest.mark.django_db
def test_an_imported_seed_that_does_not_open_is_unavailable_not_absent(camille, settings):
    imported = ImportedSeed(agent=camille, imported_at="2026-11-24T09:00:00Z")
    imported.seal(CAMILLE_SECRET.encode())
    imported.save()
    assert ImportedSource().look_up("camille.durand") == (State.PRESENT, CAMILLE_SECRET.encode())
    assert ImportedSource().look_up("sasha.petit") == (State.ABSENT, None)
    settings.SEED_KEYS = "other:" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(SourceUnavailable):
        ImportedSource().look_up("camille.durand")
