"""PSKC: the RFC's own container, what alters it, and what hostile XML cannot do."""

import base64
import hmac
import io
import re
import tracemalloc

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml.ElementTree import parse

from tests.support.imports.seed_formats import (
    BOTH,
    CHECKABLE,
    FIGURE6,
    ONE,
    PSK,
    SECRET,
    container,
    package,
    read_content,
)
from twofactor.seed_formats import BadFile, Options, pskc
from twofactor.seed_formats.pskc_values import NAMES, ValueReader, parse_psk


def test_the_rfcs_encrypted_value_opens():
    root = parse(io.StringIO(FIGURE6)).getroot()
    values, mac = ValueReader(PSK), root.find("p:MACMethod", NAMES)
    values.set_mac(mac.get("Algorithm"), mac.find("p:MACKey", NAMES))
    assert values.read(root.find(".//p:Secret", NAMES)) == SECRET


def test_the_rfcs_own_key_is_hotp_of_eight_digits():
    assert read_content(FIGURE6, "pskc", Options(psk=PSK)) == ["unsupported_type"]
    assert read_content(FIGURE6.replace("pskc:hotp", "pskc:totp"), "auto", Options(psk=PSK)) == ["unsupported_digits"]


def test_the_same_value_in_a_key_that_can_be_checked_is_a_seed():
    assert read_content(CHECKABLE, "auto", Options(psk=PSK)) == [("camille.durand", SECRET)]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Su+NvtQf", "Su+NvtQg", "bad_mac"), ("+cIHItlB3", "+cIHItlB4", "bad_mac"), ("ESIzRFVm", "ESIzRFVn", "bad_mac"),
        ("hmac-sha1", "hmac-md5", "bad_mac"), ("<ValueMAC>", "<Other>", "BadFile"),
        ("Su+NvtQfmvfJzF6bmQiJqoLRExc=", "", "bad_mac"),
        ("ESIzRFVmd4iZ", "ESIzRFVm", "bad_mac"), ("Su+NvtQf", "é", "unreadable_secret"),
        ("aes128-cbc", "tripledes-cbc", "bad_mac"), ("<Issuer>Bnum", "<Issuer>Other", "unsupported_issuer"),
        ("<PlainValue>30", "<PlainValue>60", "unsupported_period"),
        ('Length="6"', 'Length="7"', "unsupported_digits"), ('"DECIMAL"', '"HEXADECIMAL"', "unsupported_type"),
        ("<ResponseFormat", "<Suite>HMAC-SHA256</Suite><ResponseFormat", "unsupported_algorithm"),
        ("<Data>", "<Policy><PINPolicy PINUsageMode='Prepend'/></Policy><Data>", "unsupported_type"),
        ("<Data>", "<AlgorithmParameters><ChallengeFormat/></AlgorithmParameters><Data>", "unsupported_type"),
        ("UID=Camille.Durand", "UID=a&#10;b", "unreadable_line"),
        ("<EncryptedValue>", "<PlainValue>eA==</PlainValue><EncryptedValue>", "unreadable_secret"),
    ],
)  # fmt: skip
def test_what_was_altered_or_cannot_be_checked_is_refused(old, new, fault):
    assert old in CHECKABLE
    text = CHECKABLE.replace(old, new)
    if fault == "BadFile":
        with pytest.raises(BadFile):
            read_content(text, "pskc", Options(psk=PSK))
    else:
        assert read_content(text, "pskc", Options(psk=PSK)) == [fault]


def test_a_mac_is_needed():
    without = re.sub(r"<MACMethod.*</MACMethod>", "", CHECKABLE, flags=re.DOTALL)
    assert read_content(without, "pskc", Options(psk=PSK)) == ["bad_mac"]


@pytest.mark.parametrize("psk", [None, bytes(16), bytes(32)])
def test_another_key_opens_nothing(psk):
    assert read_content(CHECKABLE, "pskc", Options(psk=psk)) == ["bad_mac"]


@pytest.mark.parametrize(("size", "method", "digest"), [(16, "aes128", "sha1"), (32, "aes256", "sha256")])
def test_both_ciphers_and_both_macs(size, method, digest):
    key, iv = bytes(range(size)), bytes(range(16))
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    sealed = iv + encryptor.update(ONE + bytes(11) + b"\x0c") + encryptor.finalize()
    uri = {"sha1": "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
           "sha256": "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"}[digest]  # fmt: skip
    secret = (
        f"<EncryptedValue><x:EncryptionMethod Algorithm='{NAMES['x']}{method}-cbc'/><x:CipherData><x:CipherValue>"
        f"{base64.b64encode(sealed).decode()}</x:CipherValue></x:CipherData></EncryptedValue>"
        f"<ValueMAC>{base64.b64encode(hmac.digest(key, sealed, digest)).decode()}</ValueMAC>"
    )
    text = container(package(secret=secret), head=f"<MACMethod Algorithm='{uri}'/>")
    assert read_content(text, "pskc", Options(psk=key)) == [BOTH[0]]
    assert read_content(text, "pskc", Options(psk=key[::-1])) == ["bad_mac"]


def test_plain_values_and_where_the_user_is_named():
    by_device = package("", device="<UserId>uid=dominique.morel</UserId>")
    assert read_content(container(package(), by_device)) == [("camille.durand", ONE), ("dominique.morel", ONE)]


@pytest.mark.parametrize(
    "one", ["<KeyPackage/>", package(secret="<PlainValue>é</PlainValue>"), package(secret="<Other/>"),
            package().replace("Secret", "Other")],
)  # fmt: skip
def test_a_bad_package_does_not_spoil_the_next(one):
    assert read_content(container(one, package()))[1] == BOTH[0]


LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 10}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        container(package("&i;"), before=LAUGHS + "]>"),
        container(package("&x;"), before="<!DOCTYPE l [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>"),
        container(before="<!DOCTYPE l SYSTEM 'http://example.fr/x.dtd'>"),
        container("<a>" * 100 + "</a>" * 100), container("<a>" * 100_000), "<a/>", "<KeyContainer/>", "not XML", "",
        container(package())[:-20], container("x" * 2 * pskc.PACKAGE_LENGTH), "<?xml version='1.0' encoding='x'?><a/>",
        container("<a/>" * pskc.PACKAGE_LENGTH),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused_as_a_whole(text):
    with pytest.raises(BadFile):
        read_content(text, "pskc")


def test_many_packages_take_no_more_memory_than_few():
    def peak(count):
        text = container(*(package(f"agent.{n}") for n in range(count))).encode()
        tracemalloc.start()
        total = sum(1 for _ in pskc.read(io.BytesIO(text), Options()))
        memory = tracemalloc.get_traced_memory()[1] - len(text)
        tracemalloc.stop()
        assert total == count
        return memory

    few = peak(300)
    assert peak(6000) < few + 500_000


def test_a_key_file_is_hexadecimal_and_never_repeated():
    assert parse_psk(" 00112233445566778899aabbccddeeff\n") == bytes.fromhex("00112233445566778899aabbccddeeff")
    for text in ("", "00", "0" * 48, "canary" * 6):
        with pytest.raises(ValueError, match="hexadecimal digits") as error:
            parse_psk(text)
        assert "canary" not in str(error.value)
