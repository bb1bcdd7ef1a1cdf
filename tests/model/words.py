"""What a provider says of what is in its ledger."""

from __future__ import annotations

from domain.attempt import Attempt
from domain.money import Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
)
from tests.model.ledger import Held, Transfer


def of_charge(charge: Held, attempt: Attempt) -> Outcome:
    """Say what became of a charge."""
    id_, currency, name = charge.id, attempt.money.currency, charge.reference
    match charge.state:
        case "held":
            return Succeeded(id_, Money(charge.amount, currency), captured=False, reference=name)
        case "paid" if charge.taken:
            whole, taken = Money(charge.captured, currency), Money(charge.taken, currency)
            return TakenBack(id_, whole, taken, "fraudulent", name)
        case "paid":
            return Succeeded(id_, Money(charge.captured, currency), reference=name)
        case "declined":
            return Declined("insufficient_funds", Hardness.SOFT, id_)
        case "declined hard":
            return Declined("stolen_card", Hardness.HARD, id_)
        case "pending":
            return Pending(id_)
        case "action" | "asks":
            return RequiresAction(id_, "https://pay.example/1")
        case "made":
            return Prepared(id_)
        case "voided":
            return NotCharged(Proof.VOIDED, "cancelled", id_)
        case "lapsed":
            return NotCharged(Proof.READ_BACK, "expired there", id_, lapsed=True)
        case other:
            raise AssertionError(f"no charge is {other}")


def of_capture(charge: Held, attempt: Attempt) -> Lookup:
    """Say what became of a capture."""
    if charge.state == "held":
        return NotFound()
    if charge.state == "paid" and charge.captured == attempt.money.minor:
        return Succeeded(charge.id, attempt.money)
    return Declined("hold_released", Hardness.HARD, charge.id)


def of_void(charge: Held, attempt: Attempt) -> Lookup:
    """Say what became of a void."""
    if charge.state == "held":
        return NotFound()
    if charge.state == "paid":
        return Declined("already_captured", Hardness.HARD, charge.id)
    return Succeeded(charge.id, attempt.money)


def of_transfer(transfer: Transfer, attempt: Attempt) -> Outcome:
    """Say what became of a refund or a payout."""
    match transfer.state:
        case "done":
            return Succeeded(transfer.id, attempt.money, reference=transfer.reference)
        case "pending":
            return Pending(transfer.id)
        case "made":
            return Prepared(transfer.id)
        case "returned":
            return Returned(transfer.id, "account_closed")
        case "failed":
            return Declined("failed", Hardness.SOFT, transfer.id)
        case other:
            raise AssertionError(f"no transfer is {other}")


def briefly(said: Lookup) -> str:
    """Say an answer in a few words, for a trace."""
    match said:
        case Succeeded(provider_id=id_, money=money, captured=captured):
            return f"{id_} {'done' if captured else 'held'} {money.minor}"
        case TakenBack(provider_id=id_, taken=taken):
            return f"{id_} taken back {taken.minor}"
        case NotCharged(proof=proof, cause=cause):
            return f"{said.provider_id} not charged: {proof}, {cause}"
        case NotFound():
            return "nothing is there"
        case _:
            return f"{said.provider_id} {type(said).__name__.lower()}"
