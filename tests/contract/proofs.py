"""Whether the ingress would believe that a webhook comes from its provider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from domain.webhook import Scheme
from domain.webhook_claims import Certified, claimed, may_certify
from native import verifier
from ops.certificates import authorities, has_signed, trusted
from ops.providers import PROVIDERS
from tests.contract.rigs import Delivery, Rig
from tests.sandbox.running import send


@runtime_checkable
class Certifying(Protocol):
    """A rig whose provider signs under a certificate."""

    #: The PEM file of the authority that the gateway's row would name.
    ca_file: str


@runtime_checkable
class Unregistered(Protocol):
    """A rig whose provider is not among those that are registered."""

    #: How its provider signs.
    scheme: Scheme


def is_proven(rig: Rig, delivery: Delivery, now_s: int) -> bool:
    """Check a webhook by its provider's schemes and the secret in the gateway's row."""
    scheme = rig.scheme if isinstance(rig, Unregistered) else PROVIDERS[rig.ways.provider].scheme
    schemes = scheme.ways()
    return any(_is_proven(scheme, rig, delivery, now_s) for scheme in schemes)


def _is_proven(scheme: Scheme, rig: Rig, delivery: Delivery, now_s: int) -> bool:
    headers, body = delivery
    claim, secret = claimed(scheme, headers, body, now_s), rig.webhook_secret.encode()
    if claim is None:
        return False
    if isinstance(claim, Certified):
        pem = fetched_certificate(scheme, rig, claim.url)
        return has_signed(pem, claim.message(secret), claim.signature)
    return any(verifier.verify(*check) for check in claim.checks(secret))


def fetched_certificate(scheme: Scheme, rig: Rig, url: str) -> bytes:
    """Fetch the signer's certificate from the simulator, and check it as a worker would."""
    assert isinstance(rig, Certifying), "the rig does not say whose certificates count"
    where = urlsplit(url)
    assert may_certify(scheme, url, f"{where.scheme}://{where.netloc}")
    assert where.port is not None
    fetched = send(where.port, "GET", where.path)
    assert fetched.status == 200, fetched.body
    trust = authorities(rig.ca_file)
    host = where.hostname or ""
    return trusted(fetched.body, trust, datetime.now(UTC), scheme.names, host).pem
