"""The key that signs webhooks, its certificate, and the authority that vouches for it."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

#: Where PayPal serves certificates, and whom it issues them to.
PATH = "/v1/notifications/certs/"
SIGNER = "messageverificationcerts.paypal.com"
ALGORITHM = "SHA256withRSA"
KEY_BITS = 2048
LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs; `chain` is served, `authority` is what a receiver has to trust (both PEM)."""

    key: RSAPrivateKey
    chain: bytes
    authority: bytes

    @property
    def name(self) -> str:
        """The last part of the certificate's address."""
        leaf = x509.load_pem_x509_certificates(self.chain)[0]
        return "CERT-" + leaf.fingerprint(hashes.SHA256()).hex()[:16]

    def signature(self, transmission: str, time: str, webhook_id: str, body: bytes) -> str:
        """Return the base64 signature. Of the body only its CRC-32 is signed, as at PayPal."""
        message = f"{transmission}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
        return base64.b64encode(self.key.sign(message, PKCS1v15(), hashes.SHA256())).decode()


def kept(file: Path) -> Signer:
    """Return the signer of an earlier process with the same ledger, or a new one."""
    if not file.exists():
        signer = _new()
        key = signer.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.touch(mode=0o600)
        file.write_bytes(key + signer.chain + signer.authority)
        return signer
    found = file.read_bytes()
    key_ = serialization.load_pem_private_key(found, None)
    assert isinstance(key_, RSAPrivateKey), "we wrote it ourselves"
    leaf, authority = x509.load_pem_x509_certificates(found)
    return Signer(key_, _pem(leaf), _pem(authority))


def _new() -> Signer:
    """Make an authority, have it sign one certificate, and forget its key."""
    root_key, key = _key(), _key()
    root = _name("PayPal simulator test authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    authority = (
        _builder(root, root, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    issued = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    leaf = (
        _builder(_name(SIGNER), root, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SIGNER)]), critical=False)
        .add_extension(issued, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return Signer(key, _pem(leaf), _pem(authority))


def _key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=KEY_BITS)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFE)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
