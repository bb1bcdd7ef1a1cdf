"""Signers of webhooks for tests: a provider with a certificate, and an authority that vouches for it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NAME = "messageverificationcerts.paypal.com"
WEBHOOK_ID = "4JH86294D6297924G"
PATH = "/v1/notifications/certs/"


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> RSAPrivateKey:
    """Return a key that is the same for the whole run: making one takes a tenth of a second."""
    return generate_private_key(65_537, bits)


@dataclass(frozen=True)
class Root:
    """A certificate authority."""

    key: RSAPrivateKey = field(default_factory=lambda: rsa_key(1))
    name: str = "test root"

    def certificate(self, signed_by: Root | None = None) -> x509.Certificate:
        """Return its own certificate, self-signed or signed by another authority."""
        by = signed_by or self
        usage = x509.KeyUsage(
            *(False, False, False, False, False, True, True),
            encipher_only=False,
            decipher_only=False,
        )
        return (
            _builder(self.name, by.name, self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(by.key, hashes.SHA256())
        )

    def issue(
        self,
        names: Sequence[str] = (NAME,),
        *,
        common: str = NAME,
        key: RSAPrivateKey | None = None,
        days: tuple[float, float] = (-1, 30),
        extension: x509.ExtensionType | None = None,
    ) -> x509.Certificate:
        """Return a signer's certificate, good between `days` from now."""
        builder = _builder(common, self.name, key or rsa_key(), days)
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def written_to(self, folder: Path) -> str:
        """Write its certificate for those who are to trust it; return the path."""
        path = folder / f"{self.name.replace(' ', '-')}.pem"
        path.write_bytes(pem(self.certificate()))
        return str(path)


def pem(*certificates: x509.Certificate) -> bytes:
    """Return what a provider serves."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def paypal_headers(
    body: bytes,
    url: str,
    *,
    id_: str = "t-1",
    at: datetime | None = None,
    webhook_id: str = WEBHOOK_ID,
    key: RSAPrivateKey | None = None,
) -> dict[str, str]:
    """Sign a body as PayPal does."""
    time = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    message = f"{id_}|{time}|{webhook_id}|{zlib.crc32(body)}".encode()
    signature = (key or rsa_key()).sign(message, PKCS1v15(), hashes.SHA256())
    return {
        "paypal-transmission-id": id_,
        "paypal-transmission-time": time,
        "paypal-transmission-sig": base64.b64encode(signature).decode(),
        "paypal-cert-url": url,
        "paypal-auth-algo": "SHA256withRSA",
    }


def _builder(
    subject: str, issuer: str, key: RSAPrivateKey, days: tuple[float, float] = (-1, 30)
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
