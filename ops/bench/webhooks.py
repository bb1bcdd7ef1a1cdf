"""Webhooks: verified and stored at the door, beside one check, one INSERT and one push each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.bench.accept import CONNECTIONS, Doors, rate_and_cpu
from ops.bench.figures import OURS, RATIO, Figure, Goal, Options, Tell
from ops.bench.load import Plan
from ops.bench.rig import BARE_DOOR, a_rig, head

RATE = (Goal(RATIO, least=2.0), Goal(OURS, least=8_000.0))

#: As the sandbox tells of a payment, about 900 bytes; the payment is nobody's, and so is a hint.
BODY: Final = (
    '{"id":"evt_@N@","object":"event","type":"payment.captured","created":1700000000,'
    '"data":{"payment":{"id":"sp_@N@","object":"payment","reference":"ref-@N@","amount":30000,'
    '"currency":"USD","status":"captured","source_type":"card","amount_capturable":0,'
    '"amount_captured":30000,"amount_refunded":0,"amount_refund_pending":0,'
    '"amount_charged_back":0,"next_action":null,"decline_code":null,'
    '"expires_at":"2026-01-01T00:30:00.000Z","authorization_expires_at":"2026-01-08T00:00:00.000Z",'
    '"metadata":{"cart":"@N@","channel":"web"},"created_at":"2026-01-01T00:00:00.000Z",'
    '"updated_at":"2026-01-01T00:00:00.000Z","version":1}}}'
)


def run(options: Options, tell: Tell) -> Iterator[Figure]:
    """Measure the door with signed events, each of them new."""
    tell("starting the door and a bare one")
    with a_rig(options.folder, ["ingress"], bare=[BARE_DOOR]) as rig:
        secret = rig.stack.environ["SANDBOX_A_WEBHOOK_SECRET"]
        signed = ("Content-Type: application/json", "Sandbox-Signature: @S@")
        bare = Plan(
            port=rig.bare_port,
            head=head("POST", "/hear", *signed),
            body=BODY,
            connections=CONNECTIONS,
            secret=secret,
        )
        path = "/v1/webhooks/sandbox/sandbox-a"
        ours = Plan(
            port=rig.port,
            head=head("POST", path, *signed),
            body=BODY,
            connections=CONNECTIONS,
            secret=secret,
        )
        doors = Doors(rig, ours, bare, 200)
        doors.warm()
        tell(f"{CONNECTIONS} connections, as fast as answers come")
        yield from rate_and_cpu("webhooks", *doors.alternate(options), RATE, ())
