"""A certificate authority of the suite's own."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ISSUED = datetime.timedelta(hours=1)  # ago
LIFETIME = datetime.timedelta(days=1)


class Authority:
    """Its certificate is `certificate`; what it signs lies beside it as NAME.crt and NAME.key."""

    def __init__(self, place: Path, name: str = "authority") -> None:
        self.place, self.key = place, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = place / f"{name}.crt"
        self._write(self.certificate, self.key.public_key(), self.name, is_authority=True)

    def sign(self, name: str, address: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        (self.place / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._write(self.place / f"{name}.crt", key.public_key(), subject, address=address)

    def _write(self, path, public_key, subject, is_authority=False, address=None):
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.name, subject, public_key, x509.random_serial_number())
        builder = builder.not_valid_before(now - ISSUED).not_valid_after(now + LIFETIME)
        builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        path.write_bytes(builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM))
