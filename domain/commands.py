"""Commands: what a worker is asked to do; a message is (actor, row id) and nothing else."""

from __future__ import annotations

from enum import StrEnum


class Command(StrEnum):
    """One actor each; the value is the actor's name."""

    SCREEN = "screen_payment"
    CHARGE = "charge_payment"
    CAPTURE = "capture_payment"
    VOID = "void_payment"
    REFUND = "send_refund"
    PAYOUT = "send_payout"
    RESOLVE = "resolve_attempt"
    NOTICE = "process_webhook"
    DETACH = "detach_method"
    PROBE = "probe_gateways"
    SEAL = "seal_audit"
    PUBLISH = "publish_events"
    RECONCILE = "reconcile_books"

    @property
    def queue(self) -> str:
        """The queue of this command: one each, so that one kind of work never blocks another."""
        return QUEUES[self]


QUEUES = {
    Command.SCREEN: "screening",
    Command.CHARGE: "charging",
    Command.CAPTURE: "capturing",
    Command.VOID: "voiding",
    Command.REFUND: "refunding",
    Command.PAYOUT: "payouts",
    Command.RESOLVE: "resolving",
    Command.NOTICE: "webhooks",
    Command.DETACH: "vaults",
    Command.PROBE: "health",
    Command.SEAL: "audit",
    Command.PUBLISH: "events",
    Command.RECONCILE: "reconciling",
}
