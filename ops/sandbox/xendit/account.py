"""One account at Xendit: its objects, how they are written down, and what is told of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ops.sandbox.replies import Answer
from ops.sandbox.stage.calls import Call
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.lines import KEY, Kind, Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.stage import Stage
from ops.sandbox.xendit import views
from ops.sandbox.xendit.errors import refused, unknown
from ops.sandbox.xendit.objects import Charge, Dispute, Forgotten, Payout, Refund, named, now


class Account:
    """The books of one account. Every change is one ledger line with the whole object."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.charges: dict[str, Charge] = {}
        self.by_payment: dict[str, str] = {}
        self.card_references: set[str] = set()
        self.refunds: dict[str, Refund] = {}
        self.payouts: dict[str, Payout] = {}
        self.disputes: dict[str, Dispute] = {}
        self.forgotten: dict[str, Forgotten] = {}
        self._keys = Keys(stage)

    def restore(self, line: Line) -> None:
        """Take a line that was recorded before a restart."""
        prefix = line.object.partition("-")[0]
        if line.kind == KEY:
            self._keys.restore(line)
        elif prefix == "pr":
            self._hold(line.holds(Charge))
        elif prefix == "rfd":
            self.refunds[line.object] = line.holds(Refund)
        elif prefix == "disb":
            self.payouts[line.object] = line.holds(Payout)
        elif prefix == "mi":
            self.disputes[line.object] = line.holds(Dispute)
        elif prefix == "pt":
            self.forgotten[line.object] = line.holds(Forgotten)

    # What is there

    def charge(self, id_: str) -> Charge:
        """Return a payment request, or refuse."""
        if id_ not in self.charges:
            raise unknown()
        return self.charges[id_]

    def charge_of(self, payment_id: str) -> Charge:
        """Return the payment request of a payment, or refuse."""
        return self.charge(self.by_payment.get(payment_id, ""))

    def refunds_of(self, charge: Charge) -> list[Refund]:
        """Return all refunds of a charge, oldest first."""
        return [refund for refund in self.refunds.values() if refund.charge == charge.id]

    def left(self, charge: Charge) -> int:
        """Return what can still be given back of a charge."""
        collected = charge.payment.captured if charge.payment else 0
        gone = ("PENDING", "SUCCEEDED")
        return collected - sum(one.amount for one in self.refunds_of(charge) if one.status in gone)

    # What changes

    def write_charge(
        self, kind: Kind | str, charge: Charge, amount: int | None = None, event: str | None = None
    ) -> Charge:
        """Write a charge down, and tell of it."""
        after = msgspec.structs.replace(charge, updated=now())
        self._hold(after)
        self.stage.record(
            kind,
            object=after.id,
            reference=after.reference,
            amount=after.amount if amount is None else amount,
            currency=after.currency,
            state=after,
        )
        if event is not None:
            shown = views.request(after)
            if event.startswith("payment.") and after.payment is not None:
                shown = views.payment(after, after.payment)
            self.tell(event, after.id, after.reference, shown)
        return after

    def write_refund(
        self, kind: Kind | str, refund: Refund, charge: Charge, event: str | None = None
    ) -> Refund:
        """Write a refund down, and tell of it."""
        after = msgspec.structs.replace(refund, updated=now())
        self.refunds[after.id] = after
        self.stage.record(
            kind,
            object=after.id,
            of=charge.id,
            reference=charge.reference,
            refund_reference=after.reference or "",
            amount=after.amount,
            currency=after.currency,
            state=after,
        )
        if event is not None:
            self.tell(event, after.id, after.reference or "", views.refund(after, charge))
        return after

    def write_payout(self, kind: Kind | str, payout: Payout, event: str | None = None) -> Payout:
        """Write a payout down, and tell of it."""
        after = msgspec.structs.replace(payout, updated=now())
        self.payouts[after.id] = after
        self.stage.record(
            kind,
            object=after.id,
            reference=after.reference,
            amount=after.amount,
            currency=after.currency,
            state=after,
        )
        if event is not None:
            self.tell(event, after.id, after.reference, views.payout(after))
        return after

    def write_dispute(self, dispute: Dispute, charge: Charge) -> None:
        """Write a lost dispute down, and tell of it. Its event is the dispute itself."""
        self.disputes[dispute.id] = dispute
        self.stage.record(
            Kind.CHARGEBACK,
            object=dispute.id,
            of=charge.id,
            reference=charge.reference,
            amount=dispute.amount,
            currency=dispute.currency,
            state=dispute,
        )
        shown = views.dispute(dispute, charge.channel)
        self._send("dispute.lost", charge.id, charge.reference, {"event": "dispute.lost"} | shown)

    def forget(self, token: str) -> Forgotten:
        """Write down that a token was cancelled."""
        self.forgotten[token] = Forgotten(token, now())
        self.stage.record("token.canceled", object=token, state=self.forgotten[token])
        return self.forgotten[token]

    def tell(self, event: str, object_: str, reference: str, shown: Mapping[str, Any]) -> None:
        """Send a webhook."""
        body = {
            "event": event,
            "business_id": views.BUSINESS,
            "created": now(),
            "api_version": "v3",
            "data": shown,
        }
        self._send(event, object_, reference, body)

    # Idempotency keys

    def repeated(self, call: Call, family: str, fingerprint: str) -> Answer | None:
        """Return the first answer under this request's key; None: it is the first. The same key
        with another body is refused, and so is one whose first request is not answered yet."""
        key = call.headers.get("idempotency-key")
        if not key:
            return None
        saved = self._keys.find(f"{family}:{key}")
        if saved is not None and saved.fingerprint != fingerprint:
            raise refused(409, "DUPLICATE_ERROR", "The idempotency key was used otherwise")
        if saved is None and not call.claim(f"{family}:{key}"):
            raise refused(409, "DUPLICATE_ERROR", "A request with this key is being processed")
        return None if saved is None else saved.answer

    def remember(self, call: Call, family: str, fingerprint: str, answer: Answer) -> Answer:
        """Keep an answer under the request's key."""
        key = call.headers.get("idempotency-key")
        if key:
            self._keys.save(f"{family}:{key}", fingerprint, answer)
        return answer

    def _hold(self, charge: Charge) -> None:
        self.charges[charge.id] = charge
        if charge.channel == "CARDS":
            self.card_references.add(charge.reference)
        if charge.payment is not None:
            self.by_payment[charge.payment.id] = charge.id

    def _send(self, event: str, object_: str, reference: str, body: Mapping[str, Any]) -> None:
        self.stage.notify(
            Notice(
                id=named("wh"),
                type=event,
                object=object_,
                reference=reference,
                body=msgspec.json.encode(body).decode(),
            )
        )
