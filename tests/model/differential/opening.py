"""The opening position: a few rows of every kind, so few that sessions meet all the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.due import NEVER, Due
from domain.idempotency import Recorded
from domain.means import Customer, Method
from domain.money import CURRENCIES, Money
from domain.outcome import Proof
from domain.payment import Mode, Payment, Status
from domain.payout import Destination, Payout, PayoutStatus
from domain.refund import Refund, RefundKind, RefundStatus
from domain.review import Case, CaseKind
from domain.vaulted import Detachment
from domain.webhook import UNVERIFIED, Notice
from ops.seed import DEMO_MERCHANT
from ops.store.accept import Terms

MERCHANT: Final = DEMO_MERCHANT
#: Where the clock of both sides stands when a history begins.
EPOCH: Final = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
GATEWAYS: Final = (("one", Mode.TEST), ("two", Mode.TEST), ("live", Mode.LIVE))
#: Processes that live when a history begins, and one that does not.
LIVING: Final = (11, 12)
OWNERS: Final = (*LIVING, 13)
CARD: Final = b"c" * 32
CUSTOMER: Final = UUID(int=90)
USD: Final = CURRENCIES["USD"]
BEFORE: Final = EPOCH - timedelta(minutes=5)
DUE: Final = Due(BEFORE)


def _answer(payment: Payment) -> bytes:
    return f"{payment.id.hex} {payment.created_at.isoformat()}".encode()


def _conflict(request_id: str, active: UUID | None, order_id: str) -> bytes:
    return f"{order_id} is active: {active.hex if active else None}".encode()


TERMS: Final = Terms(timedelta(minutes=30), timedelta(days=30), _answer, _conflict)


def a_payment(id_: int, status: Status, due: Due = DUE, **changes: object) -> Payment:
    """A payment of 1000 as the door made it five minutes ago."""
    quiet = Payment(
        id=UUID(int=id_),
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=Money(1000, USD),
        status=status,
        method=Method("card", "tok"),
        created_at=BEFORE,
        expires_at=EPOCH + timedelta(seconds=20),
        due=due,
        next_command=Command.CHARGE,
        request_id="r",
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


def an_attempt(id_: int, operation: Operation, state: State, **changes: object) -> Attempt:
    """A try of five minutes ago."""
    quiet = Attempt(
        id=UUID(int=id_),
        payment_id=None,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        operation=operation,
        number=1,
        gateway_id="one",
        adapter_version=1,
        money=Money(1000, USD),
        state=state,
        request=b"{}",
        send_before=EPOCH,
        deadline_at=EPOCH,
        key_window_ends=EPOCH,
        created_at=BEFORE,
        due=NEVER,
        request_id="r",
        proof=Proof.READ_BACK,
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


def a_refund(id_: int, payment: UUID, charge: UUID, **changes: object) -> Refund:
    """A refund of 400 as a merchant asked for it."""
    quiet = Refund(
        id=UUID(int=id_),
        payment_id=payment,
        charge_id=charge,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=Money(400, USD),
        kind=RefundKind.REFUND,
        status=RefundStatus.PENDING,
        reason="",
        requested_by="k",
        gateway_id="one",
        created_at=BEFORE,
        due=DUE,
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


def a_payout(id_: int, **changes: object) -> Payout:
    """A payout of 700."""
    quiet = Payout(
        id=UUID(int=id_),
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=Money(700, USD),
        status=PayoutStatus.PENDING,
        destination=Destination("bank", "ba"),
        created_at=BEFORE,
        expires_at=EPOCH + timedelta(days=1),
        due=DUE,
        customer=Customer("c", "payer@example.com"),
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


def a_notice(id_: int, key: str, **changes: object) -> Notice:
    """A webhook of gateway one."""
    quiet = Notice(
        id=UUID(int=id_),
        gateway_id="one",
        dedupe_key=key,
        body=b"body",
        received_at=BEFORE,
        last_copy_at=BEFORE,
        due=DUE,
        request_id="r",
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


PAYMENTS: Final = (
    a_payment(
        1,
        Status.CAPTURED,
        amount_authorized=1000,
        amount_captured=1000,
        amount_refund_pending=400,
        gateway_id="one",
    ),
    a_payment(2, Status.AUTHORIZED, amount_authorized=1000, gateway_id="one"),
    a_payment(3, Status.PROCESSING, NEVER),
    a_payment(4, Status.PENDING, order_id="o1"),
    a_payment(5, Status.FAILED, NEVER),
)
_P = [payment.id for payment in PAYMENTS]
ATTEMPTS: Final = (
    an_attempt(
        101, Operation.CHARGE, State.CAPTURED, payment_id=_P[0], provider_id="ch", captured=1000
    ),
    an_attempt(102, Operation.CHARGE, State.AUTHORIZED, payment_id=_P[1], held=True),
    an_attempt(103, Operation.CHARGE, State.SENDING, payment_id=_P[2], due=DUE, card=CARD),
    an_attempt(
        104, Operation.CHARGE, State.DECLINED, payment_id=_P[3], provider_id="ch", card=CARD
    ),
    an_attempt(105, Operation.CHARGE, State.LATE_SUCCESS, payment_id=_P[4]),
    an_attempt(106, Operation.PAYOUT, State.UNKNOWN, payout_id=UUID(int=302), due=DUE),
)
REFUNDS: Final = (a_refund(201, _P[0], ATTEMPTS[0].id),)
PAYOUTS: Final = (
    a_payout(301),
    a_payout(302, status=PayoutStatus.PROCESSING, gateway_id="one", due=NEVER),
)
NOTICES: Final = (
    a_notice(401, "e1"),
    a_notice(402, "e2", status=UNVERIFIED, headers={"sig": "s"}),
)
CASES: Final = (Case(UUID(int=501), _P[4], CaseKind.FRAUD, "odd", BEFORE),)
METHODS: Final = (
    Detachment(UUID(int=601), MERCHANT, Mode.TEST, "one", "pm", DUE, "r"),
    Detachment(UUID(int=602), MERCHANT, Mode.TEST, None, "pm", DUE, "r"),
)
KEY: Final = (MERCHANT, Mode.TEST.value, "k0")
RECORDED: Final = Recorded(b"f", 202, b"{}")
