"""The person: finds out in a provider's ledger what nobody could be told, and says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.attempt import Attempt, Operation
from domain.due import Reason
from domain.errors import DomainError
from domain.facts import is_open, is_parked
from domain.findings import Found
from domain.flows.settle import Settlement, settle
from domain.ids import Kind
from domain.payment import Payment
from domain.requests import Verb, is_asked
from domain.settling import Word
from tests.model.bank import Bank
from tests.model.calm import run_on
from tests.model.merchant import Merchant
from tests.model.world import World

#: Who decides, and what; a person settles, and what follows may be for a person again.
_DECISIONS: Final = (Verb.REJECT, Verb.APPROVE)
ROUNDS: Final = 3
#: What a charge that stands like this is found out to be.
CHARGES: Final = {
    "paid": Word.CHARGED,
    "held": Word.HELD,
    "declined": Word.DECLINED,
    "declined hard": Word.DECLINED,
}
TRANSFERS: Final[Mapping[Operation, Mapping[str, Word]]] = {
    Operation.REFUND: {"done": Word.REFUNDED, "failed": Word.FAILED, "returned": Word.RETURNED},
    Operation.PAYOUT: {"done": Word.PAID_OUT, "failed": Word.FAILED, "returned": Word.RETURNED},
}
NOTHING: Final = {Operation.REFUND: Word.NOT_REFUNDED, Operation.PAYOUT: Word.NOT_PAID_OUT}


def settle_by_evidence(world: World, merchant: Merchant) -> int:
    """Answer whatever can be answered: returns how many answers there were.

    Raises `AssertionError` if an attempt still waits for somebody to find out what became of it.
    """
    count = 0
    for _ in range(ROUNDS):
        for payment in [kept.row for kept in world.store.books.payments]:
            count += is_asked(payment) and _decided(world, merchant, payment)
        for attempt in unresolved(world):
            count += _settled(world, attempt)
        run_on(world)
    left = unresolved(world)
    assert not left, f"law 2: nobody can settle the {left[0].operation} {left[0].id}"
    return count


def unresolved(world: World) -> list[Attempt]:
    """Return the attempts of which nobody knows what became."""
    rows = [kept.row for kept in world.store.books.attempts]
    return [row for row in rows if is_open(row) and is_parked(row.due, Reason.UNRESOLVED)]


def _decided(world: World, merchant: Merchant, payment: Payment) -> bool:
    """Money that is not what was asked for goes back, or stays."""
    for verb in _DECISIONS:
        wish = merchant.wants(verb, payment.id)
        try:
            merchant.ask(wish)
        except DomainError:
            continue
        return True
    return False


def _settled(world: World, attempt: Attempt) -> bool:
    bank = next(one for one in world.banks if one.id == attempt.gateway_id)
    found = _found(bank, attempt)
    said = Settlement(Kind.ATTEMPT, attempt.id, found, "statement, line 17", ("ann",))
    world.note(lambda: f"a person says of {attempt.operation} {attempt.id.int:x}: {found}")
    try:
        with world.store.begin() as work:
            settle(work, said, world.processes[0].runtime)
    except DomainError as refusal:
        why = str(refusal)
        world.note(lambda: f"that cannot be said: {why}")
        return False
    return True


def _found(bank: Bank, attempt: Attempt) -> Found:
    match attempt.operation:
        case Operation.CHARGE:
            charges = [c for c in bank.ledger.charges if c.reference == attempt.reference]
            word = CHARGES.get(charges[0].state, Word.NOT_CHARGED) if charges else Word.NOT_CHARGED
            return Found(word, provider_id=charges[0].id if charges else None)
        case Operation.CAPTURE:
            state = bank.target(attempt).state
            word = {"paid": Word.CAPTURED, "held": Word.NOT_CAPTURED}.get(state, Word.DECLINED)
            return Found(word)
        case Operation.VOID:
            state = bank.target(attempt).state
            return Found(Word.NOT_RELEASED if state == "held" else Word.RELEASED)
        case Operation.REFUND | Operation.PAYOUT:
            moved = [t for t in bank.ledger.transfers if t.reference == attempt.reference]
            words = TRANSFERS[attempt.operation]
            nothing = NOTHING[attempt.operation]
            word = words.get(moved[0].state, nothing) if moved else nothing
            return Found(word, provider_id=moved[0].id if moved else None)
