"""Certificates: believed are those whose chain, name, time and key are right, and nothing else."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from ops.certificates import Certificate, Untrusted, authorities, has_signed, trusted
from tests.signers import NAME, Root, pem, rsa_key

ROOT = Root()
NAMES = ("*.paypal.com",)
HOST = "api.paypal.com"


def checked(
    fetched: bytes, folder: Path, names: tuple[str, ...] = NAMES, host: str = HOST
) -> Certificate:
    trust = authorities(ROOT.written_to(folder))
    return trusted(fetched, trust, datetime.now(UTC), names, host)


def test_a_certificate_of_the_right_name_under_the_right_authority_is_believed(
    tmp_path: Path,
) -> None:
    leaf = ROOT.issue()

    found = checked(pem(leaf), tmp_path)

    assert found == Certificate(pem(leaf), leaf.not_valid_after_utc)
    signature = rsa_key().sign(b"said", PKCS1v15(), hashes.SHA256())
    assert has_signed(found.pem, b"said", signature)
    assert not has_signed(found.pem, b"said otherwise", signature)
    assert not has_signed(found.pem, b"said", signature[:-1])
    assert not has_signed(found.pem, b"said", b"")
    weaker = rsa_key().sign(b"said", PKCS1v15(), hashes.SHA1())
    assert not has_signed(found.pem, b"said", weaker)


def test_a_chain_over_another_authority_is_followed(tmp_path: Path) -> None:
    middle = Root(rsa_key(2), "test middle")

    found = checked(pem(middle.issue(), middle.certificate(ROOT)), tmp_path)

    assert found.pem == pem(x509.load_pem_x509_certificate(found.pem))
    with pytest.raises(Untrusted):
        checked(pem(middle.issue()), tmp_path)  # the middle one is missing
    with pytest.raises(Untrusted):
        checked(pem(middle.issue(), ROOT.issue(common=middle.name, key=middle.key)), tmp_path)


@pytest.mark.parametrize(
    ("names", "common"),
    [
        ((NAME,), "x"),
        (("messageverificationcerts.sandbox.paypal.com",), "x"),
        (("other.example", NAME), "x"),
        (("API.PAYPAL.COM",), "x"),
        ((), NAME),
    ],
)
def test_its_name_may_be_any_that_is_allowed(
    names: tuple[str, ...], common: str, tmp_path: Path
) -> None:
    leaf = pem(ROOT.issue(names, common=common))

    assert checked(leaf, tmp_path).pem == leaf


def test_its_name_may_be_the_host_where_it_lies(tmp_path: Path) -> None:
    leaf = pem(ROOT.issue(("localhost",)))

    assert checked(leaf, tmp_path, host="localhost").pem == leaf
    with pytest.raises(Untrusted, match="it is issued to localhost"):
        checked(leaf, tmp_path)


@pytest.mark.parametrize(
    ("names", "common"),
    [
        (("paypal.com",), NAME),
        (("paypal.com.evil.example",), NAME),
        (("evilpaypal.com",), NAME),
        (("evil.example",), NAME),
        ((), "evil.example"),
    ],
)
def test_another_name_is_not_believed(names: tuple[str, ...], common: str, tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match="issued to"):
        checked(pem(ROOT.issue(names, common=common)), tmp_path)


def test_another_authority_of_the_same_name_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(Untrusted):
        checked(pem(replace(ROOT, key=rsa_key(3)).issue()), tmp_path)


@pytest.mark.parametrize("days", [(-30, -0.01), (0.01, 30)], ids=["expired", "not yet"])
def test_its_time_must_have_come_and_not_be_over(days: tuple[float, float], tmp_path: Path) -> None:
    with pytest.raises(Untrusted):
        checked(pem(ROOT.issue(days=days)), tmp_path)


def test_the_time_is_the_one_that_is_told(tmp_path: Path) -> None:
    trust, leaf = authorities(ROOT.written_to(tmp_path)), ROOT.issue(days=(-1, 5))

    later = datetime.now(UTC) + timedelta(days=6)
    with pytest.raises(Untrusted):
        trusted(pem(leaf), trust, later, NAMES, HOST)


def test_a_short_key_or_one_of_another_kind_is_not_believed(tmp_path: Path) -> None:
    short = ROOT.issue(key=rsa_key(4, 1024))
    curve = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
    other = (
        x509.CertificateBuilder()
        .subject_name(short.subject)
        .issuer_name(short.issuer)
        .public_key(curve.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(short.not_valid_before_utc)
        .not_valid_after(short.not_valid_after_utc)
        .add_extension(names, critical=False)
        .sign(ROOT.key, hashes.SHA256())
    )

    for leaf in (short, other):
        with pytest.raises(Untrusted):
            checked(pem(leaf), tmp_path)


def test_what_is_no_certificate_is_not_believed(tmp_path: Path) -> None:
    for fetched in (
        b"",
        b"<html>",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ):
        with pytest.raises(Untrusted):
            checked(fetched, tmp_path)
    with pytest.raises(Untrusted, match="more than"):
        checked(pem(*[ROOT.issue()] * 9), tmp_path)


def test_the_systems_authorities_do_not_vouch_for_ours() -> None:
    with pytest.raises(Untrusted):
        trusted(pem(ROOT.issue()), authorities(), datetime.now(UTC), NAMES, HOST)


def test_authorities_that_are_not_there_are_an_error_and_not_everybody(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")

    for path in (str(empty), str(tmp_path / "none.pem")):
        with pytest.raises((OSError, ValueError)):
            authorities(path)


def test_what_breaks_the_rules_of_certificates_is_not_believed_and_raises_nothing_else(
    tmp_path: Path,
) -> None:
    der = ROOT.issue().public_bytes(Encoding.DER)
    eighth = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")  # there are three
    strange = x509.UnrecognizedExtension(  # a name of a kind that nobody has
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x04\xa5\x02\x30\x00"
    )

    for fetched in (
        ssl.DER_cert_to_PEM_cert(eighth).encode(),
        pem(ROOT.issue((), extension=strange)),
    ):
        with pytest.raises(Untrusted):
            checked(fetched, tmp_path)
