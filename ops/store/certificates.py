"""Certificates as rows: fetched and checked once by a worker, read by every door."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, text
from sqlalchemy.dialects.postgresql import insert as upsert

from ops.certificates import Certificate
from ops.store import tables

#: An expired one is as good as none: it is fetched again, and then it is a newer one.
_READ: Final = text("""
SELECT gateway_id, url, pem FROM webhook_certificates
 WHERE not_after > clock_timestamp()
""")


def read_certificates(db: Connection) -> dict[str, dict[str, bytes]]:
    """Return the certificates in PEM that are valid now, by gateway and address."""
    found: dict[str, dict[str, bytes]] = {}
    for row in db.execute(_READ):
        found.setdefault(row.gateway_id, {})[row.url] = bytes(row.pem)
    return found


def write_certificate(db: Connection, gateway_id: str, url: str, certificate: Certificate) -> None:
    """Keep a certificate that has been checked for this gateway."""
    t = tables.webhook_certificates
    changes: dict[str, Any] = {"pem": certificate.pem, "not_after": certificate.not_after}
    again = changes | {"fetched_at": text("clock_timestamp()")}
    written = upsert(t).values({"gateway_id": gateway_id, "url": url} | changes)
    db.execute(written.on_conflict_do_update(index_elements=["gateway_id", "url"], set_=again))


def forget_certificates(db: Connection, gateway_id: str) -> None:
    """Forget what was checked for a gateway: whom it trusts, or where it is, has changed."""
    t = tables.webhook_certificates
    db.execute(delete(t).where(t.c.gateway_id == gateway_id))


def database_now(db: Connection) -> datetime:
    """Return the time of the database, by which certificates are valid or not."""
    now: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now
