"""What reached the API port: the proof that a second POST did, or did not, happen."""

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ops.sandbox.books import Subject
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds.refund import Refund

#: The latest requests kept; a test looks at its own within seconds.
KEPT = 20_000


@dataclass(slots=True)
class Sighting:
    """One API request. `status` is the HTTP status sent; "open" until then, or "dropped"."""

    at: str
    method: str
    path: str
    key: str | None
    reference: str | None = None  #: the payment's or payout's
    payment: str | None = None
    payout: str | None = None
    refund: str | None = None
    refund_reference: str | None = None
    status: int | Literal["open", "dropped"] = "open"
    replayed: bool = False

    def about(self, subject: Subject) -> None:
        """Note what the request was about."""
        match subject:
            case Payment():
                self.payment, self.reference = subject.id, subject.reference
            case Refund():
                self.payment, self.reference = subject.payment, subject.payment_reference
                self.refund, self.refund_reference = subject.id, subject.reference
            case Payout():
                self.payout, self.reference = subject.id, subject.reference


class Sightings:
    """A bounded ring of requests, oldest first."""

    def __init__(self) -> None:
        self._ring: deque[Sighting] = deque(maxlen=KEPT)

    def add(self, sighting: Sighting) -> None:
        """Remember a request that has just come in."""
        self._ring.append(sighting)

    def to_json(self, reference: str | None) -> Iterable[dict[str, Any]]:
        """Return the requests about one reference, a refund's included, or all."""
        return [
            asdict(one)
            for one in self._ring
            if reference is None or reference in (one.reference, one.refund_reference)
        ]
