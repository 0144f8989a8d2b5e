"""A certificate authority of the tests' own, and what it issues."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# What RFC 5280 asks of an authority, and Python from 3.13 on.
SIGNS = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


class Authority:
    """`pem` is its certificate, also in `file`. Valid around the real now, since TLS looks at the real clock."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        critical = [x509.BasicConstraints(True, None), SIGNS]
        self.certificate = _certificate(self.name, self.key, self.name, self.key, critical)
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()
        self.file = place / "authority.pem"
        self.file.write_text(self.pem)

    def issue(self, host: str, days: int = 1) -> Path:
        """Write a PEM file with a key and a certificate for this host or IPv4 address, expired if `days` < 0."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        is_address = host.replace(".", "").isdigit()
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(host)) if is_address else x509.DNSName(host)])
        certificate = _certificate(subject, key, self.name, self.key, [names], days)
        file = self.place / f"{host}{days}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        return file


def _certificate(subject, key, issuer, signing_key, critical, days=1):
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days))
    for extension in critical:
        builder = builder.add_extension(extension, critical=True)
    for extension in (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
    ):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signing_key, hashes.SHA256())
