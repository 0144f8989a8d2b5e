"""The values of a PSKC file: plain, or AES-CBC under a pre-shared key, with a MAC over the ciphertext (RFC 6030 §6)."""

import base64
import hmac
import re
from xml.etree.ElementTree import Element

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from twofactor.seed_formats.entry import Fault, Unusable

NAMES = {"p": "urn:ietf:params:xml:ns:keyprov:pskc", "x": "http://www.w3.org/2001/04/xmlenc#"}
KEY_BYTES = {f"{NAMES['x']}aes128-cbc": 16, f"{NAMES['x']}aes256-cbc": 32}
HASHES = {
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1": "sha1",
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": "sha256",
}
BLOCK = 16  # bytes, of AES


def parse_psk(text: str) -> bytes:
    """Return the AES key given in hexadecimal, 128 or 256 bits. Raises ValueError, which quotes nothing of it."""
    if not re.fullmatch(r"(?:[0-9a-fA-F]{32}){1,2}", text.strip()):
        raise ValueError("the pre-shared key must be 32 or 64 hexadecimal digits")
    return bytes.fromhex(text.strip())


class ValueReader:
    """Reads the values of one file, decrypted where they are encrypted."""

    def __init__(self, psk: bytes | None) -> None:
        self._psk = psk
        self._hash = ""
        self._mac_key: bytes | None = None

    def set_mac(self, algorithm: str, mac_key: Element | None) -> None:
        """Set the MAC that protects the file. Without a key of its own it uses the pre-shared one (RFC 6030 §6.1.1)."""
        self._hash = HASHES.get(algorithm, "")
        try:
            self._mac_key = self._psk if mac_key is None else self._decrypt(mac_key)
        except Unusable:
            self._mac_key = None

    def read(self, secret: Element | None) -> bytes:
        """Return the seed; the MAC is checked before anything is decrypted. Raises Unusable."""
        if secret is None:
            raise Unusable(Fault.SECRET)
        plain = secret.findtext("p:PlainValue", None, NAMES)
        encrypted = secret.find("p:EncryptedValue", NAMES)
        if (plain is None) == (encrypted is None):
            raise Unusable(Fault.SECRET)
        if encrypted is None:
            return _decode_base64(plain)
        self._check_mac(_get_ciphertext(encrypted), _decode_base64(secret.findtext("p:ValueMAC", None, NAMES)))
        return self._decrypt(encrypted)

    def _check_mac(self, ciphertext: bytes, mac: bytes) -> None:
        if not self._hash or not self._mac_key:
            raise Unusable(Fault.MAC)
        if not hmac.compare_digest(hmac.digest(self._mac_key, ciphertext, self._hash), mac):
            raise Unusable(Fault.MAC)

    def _decrypt(self, encrypted: Element) -> bytes:
        """Return the plaintext. Padding is XML Encryption's: the last byte counts it. Raises Unusable."""
        method = encrypted.find("x:EncryptionMethod", NAMES)
        needed = KEY_BYTES.get(method.get("Algorithm", "") if method is not None else "")
        iv_and_ciphertext = _get_ciphertext(encrypted)
        if not self._psk or needed != len(self._psk):
            raise Unusable(Fault.SECRET)
        if len(iv_and_ciphertext) < 2 * BLOCK or len(iv_and_ciphertext) % BLOCK:
            raise Unusable(Fault.SECRET)
        decryptor = Cipher(algorithms.AES(self._psk), modes.CBC(iv_and_ciphertext[:BLOCK])).decryptor()
        padded = decryptor.update(iv_and_ciphertext[BLOCK:]) + decryptor.finalize()
        if not 1 <= padded[-1] <= BLOCK:
            raise Unusable(Fault.SECRET)
        return padded[: -padded[-1]]


def _get_ciphertext(encrypted: Element) -> bytes:
    """Return the IV, then the ciphertext. Raises Unusable."""
    return _decode_base64(encrypted.findtext("x:CipherData/x:CipherValue", None, NAMES))


def _decode_base64(text: str | None) -> bytes:
    """Return the bytes of base64 with or without white space. Raises Unusable."""
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except ValueError as error:
        raise Unusable(Fault.SECRET) from error
