"""Two settings make the door speak TLS 1.3, and nothing older."""

from __future__ import annotations

import datetime
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ops.dev.ports import free_port
from ops.dev.probes import listens
from tests.e2e.system import eventually


def a_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    cert_file, key_file = a_certificate(tmp_path_factory.mktemp("tls"))
    port = free_port()
    environ = os.environ | {
        "USE_MOCK_DB": "true",
        "APP_PORT": str(port),
        "TLS_CERT_FILE": str(cert_file),
        "TLS_KEY_FILE": str(key_file),
    }
    process = subprocess.Popen([sys.executable, "-m", "ingress"], env=environ)
    try:
        eventually(listens(port), 60)
        yield port, cert_file
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def call(door: tuple[int, Path], newest: ssl.TLSVersion) -> urllib3.BaseHTTPResponse:
    port, cert_file = door
    context = ssl.create_default_context(cafile=str(cert_file))
    context.maximum_version = newest
    pool = urllib3.HTTPSConnectionPool("localhost", port, ssl_context=context, retries=False)
    return pool.request("GET", "/health/live")


def test_tls_1_3_is_spoken_and_asked_for_next_time(door: tuple[int, Path]) -> None:
    answer = call(door, ssl.TLSVersion.TLSv1_3)

    assert answer.status == 200
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_nothing_older_is_spoken(door: tuple[int, Path]) -> None:
    with pytest.raises(urllib3.exceptions.SSLError):
        call(door, ssl.TLSVersion.TLSv1_2)
