"""Certificates of webhook signers: whether one may be believed, and what its key has signed."""

from __future__ import annotations

import fnmatch
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

#: A chain has two or three certificates.
MAX_CHAIN: Final = 8
MIN_KEY_BITS: Final = 2048
#: A key is read once; there are a few per provider and year.
_KEYS: Final = 128
#: What reading a certificate raises that breaks the rules; not all of it is a ValueError.
_BROKEN: Final = (
    ValueError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class Untrusted(Exception):
    """What was fetched is no certificate that may be believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signer's certificate whose chain has been checked."""

    pem: bytes = field(repr=False)
    not_after: datetime


def authorities(ca_file: str | None = None) -> Store:
    """Return whom a chain must lead to: the system's authorities, or those of a PEM file.

    Raises OSError and ValueError: the file cannot be read, or holds none.
    """
    found = ssl.create_default_context(cafile=ca_file).get_ca_certs(binary_form=True)
    return Store([one for one in map(_readable, found) if one is not None])


def trusted(
    fetched: bytes, trust: Store, now: datetime, names: Sequence[str], host: str
) -> Certificate:
    """Check what a provider serves, the signer's certificate and those above it, in PEM.

    It must be issued to one of `names` (patterns such as `*.example.com`) or to `host`, its chain
    must lead to `trust`, and all of it be valid `now`. Raises `Untrusted`.
    """
    try:
        leaf, *above = x509.load_pem_x509_certificates(fetched)
    except _BROKEN:
        raise Untrusted("it is not a certificate in PEM") from None
    if len(above) >= MAX_CHAIN:
        raise Untrusted(f"the chain has more than {MAX_CHAIN} certificates")
    # What a server's certificate must say besides is for servers; who signs is told by the name.
    policy = (
        PolicyBuilder()
        .store(trust)
        .time(now)
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
    )
    try:
        policy.build_client_verifier().verify(leaf, above)
        issued_to = _names(leaf)
        key = leaf.public_key()
    except (VerificationError, *_BROKEN) as error:
        raise Untrusted(str(error)[:200]) from None
    if not any(_is_named(name, names, host) for name in issued_to):
        raise Untrusted(f"it is issued to {', '.join(issued_to)[:200] or 'nobody'}")
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise Untrusted(f"its key is not RSA of {MIN_KEY_BITS} bits at least")
    return Certificate(leaf.public_bytes(Encoding.PEM), leaf.not_valid_after_utc)


def has_signed(pem: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a checked certificate's key has signed this: RSA PKCS #1 v1.5 with SHA-256."""
    try:
        _key(pem).verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _readable(der: bytes) -> x509.Certificate | None:
    """Read an authority's certificate; None: one that breaks the rules vouches for nobody."""
    try:
        return x509.load_der_x509_certificate(der)
    except _BROKEN:
        return None


@lru_cache(maxsize=_KEYS)
def _key(pem: bytes) -> RSAPublicKey:
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, RSAPublicKey), "only such certificates are stored"
    return key


def _names(leaf: x509.Certificate) -> list[str]:
    """Return whom it is issued to: its alternative names, or where it has none, its common one."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    addresses = [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    return found.get_values_for_type(x509.DNSName) + addresses


def _is_named(name: str, patterns: Sequence[str], host: str) -> bool:
    name = name.lower()
    return name == host.lower() or any(fnmatch.fnmatchcase(name, one) for one in patterns)
