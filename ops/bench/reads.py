"""Reads: one payment by its id, with key, scope and ETag, beside a bare indexed SELECT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from domain.ids import Kind, public
from ops.bench.accept import BODY, CONNECTIONS, KNOWN, Doors, rate_and_cpu
from ops.bench.figures import RATIO, Figure, Goal, Options, Tell
from ops.bench.load import Plan
from ops.bench.rig import BARE_DOOR, Rig, a_rig, all_were, head, sent

RATE: Final = (Goal(RATIO, least=0.8),)


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Measure reading the same few hundred payments over and over."""
    tell("starting the door and a bare one")
    with a_rig(options.folder, ["ingress"], bare=[BARE_DOOR]) as rig:
        top = rig.head("POST", "/v1/checkout", "Idempotency-Key: read-@N@")
        all_were(sent(_known(rig.port, top)), 202)
        top = head("POST", "/accept", "Content-Type: application/json", "Idempotency-Key: r-@N@")
        all_were(sent(_known(rig.bare_port, top)), 202)
        doors = Doors(rig, *_plans(rig), 200)
        doors.warm()
        tell(f"{CONNECTIONS} connections, as fast as answers come")
        yield from rate_and_cpu("reads", *doors.alternate(options), RATE, ())


def _known(port: int, top: str) -> Plan:
    return Plan(port=port, head=top, body=BODY, connections=8, count=KNOWN)


def _plans(rig: Rig) -> tuple[Plan, Plan]:
    find = "SELECT id FROM payments ORDER BY id"
    ours = tuple(public(Kind.PAYMENT, row["id"]) for row in rig.sql(find))
    bare = tuple(str(row["id"]) for row in rig.sql(find, bare=True))
    return (
        Plan(
            port=rig.port,
            head=rig.head("GET", "/v1/payments/@L@"),
            connections=CONNECTIONS,
            lines=ours,
        ),
        Plan(
            port=rig.bare_port,
            head=head("GET", "/payments/@L@"),
            connections=CONNECTIONS,
            lines=bare,
        ),
    )
