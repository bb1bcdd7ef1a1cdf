"""A provider: it forgets keys, shows late, declines, takes back, and keeps a ledger of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import Final

from domain.attempt import Attempt, Operation
from domain.outcome import Lookup, NotCharged, NotFound, Outcome, Proof, Unknown
from domain.payment import Mode
from domain.ports import Declaration, Promise, Resolution
from domain.routing import GatewayRow, Route
from tests.model.chance import Chance
from tests.model.ledger import CANCELLABLE, OVER, Held, Ledger, Transfer, protected, shown
from tests.model.words import of_capture, of_charge, of_transfer, of_void
from tests.stage import Clock

#: What a charge comes to, which is not always what we hear of it.
FATES: Final = ("good",) * 10 + ("declined",) * 3 + ("declined hard", "pending", "action", "odd")
#: What a transfer comes to.
TRANSFERS: Final = ("done",) * 6 + ("pending", "failed")
#: What becomes of a charge that waits for the provider or the payer.
ENDS: Final = ("good", "good", "good", "declined", "lapsed")


@dataclass(frozen=True, slots=True)
class Nature:
    """What kind of provider it is."""

    key_window_s: float = 86_400.0
    lag_s: float = 2.0
    resolution: Resolution = Resolution.LOOKUP_FIRST
    authoritative: bool = True
    split: bool = False
    can_void: bool = True

    def declaration(self) -> Declaration:
        """Return what its adapter promises."""
        promise = Promise(
            timedelta(seconds=self.key_window_s),
            self.resolution,
            authoritative=self.authoritative,
            visibility_lag=timedelta(seconds=self.lag_s),
        )
        split = replace(promise, split=self.split)
        routed = (Operation.CHARGE, Operation.PAYOUT)
        promises = {one: split if one in routed else promise for one in Operation}
        return Declaration("sandbox", 1, promises, self.can_void, can_3ds=True)


class Bank:
    """One account at a provider. It may do anything but lie about what is in its ledger."""

    def __init__(self, id_: str, nature: Nature, chance: Chance, clock: Clock, place: int) -> None:
        self.id = id_
        self.nature = nature
        self.declaration = nature.declaration()
        self.row = GatewayRow(id_, "sandbox", Mode.TEST, (Route(priority=place),))
        self.ledger = Ledger()
        self._chance = chance
        self._clock = clock

    @property
    def now_s(self) -> float:
        """Its own clock."""
        return self._clock.passed_s

    def splits(self, operation: Operation) -> bool:
        """Whether an operation takes two calls here."""
        return self.declaration.promises[operation].split

    # -- requests, as they arrive

    def charge(self, attempt: Attempt, arrives_s: float) -> Outcome:
        """Make a charge, or the object of one; known keys and ids find what is there."""
        ledger = self.ledger
        known = ledger.charge_by_id(attempt.provider_id)
        if known is None:
            window_s = self.nature.key_window_s
            known = protected(ledger.charges, attempt, arrives_s, window_s)
        if known is None:
            known = self._new_charge(attempt, arrives_s)
            if not self.nature.split:
                self._carry_out(known)
            ledger.tell(known)
        elif attempt.provider_id and known.state == "made" and not known.confirmed:
            known.confirmed = True
            self._carry_out(known)
            ledger.tell(known)
        return of_charge(known, attempt)

    def _new_charge(self, attempt: Attempt, arrives_s: float) -> Held:
        split = self.nature.split
        state = self._chance.one_of("makes", self.id, ("made", "made", "asks")) if split else "new"
        charge = Held(
            id=f"ch_{self.id}_{len(self.ledger.charges) + 1}",
            reference=attempt.reference,
            amount=attempt.money.minor,
            state=state,
            arrived_s=arrives_s,
            shows_s=arrives_s + self._lag(),
            captures=attempt.captures,
            confirmed=not split,
        )
        self.ledger.charges.append(charge)
        return charge

    def _lag(self) -> float:
        if not self.nature.authoritative and self._chance.happens("hides it", self.id, 0.5):
            return inf
        return self._chance.between(0.0, self.nature.lag_s)

    def _carry_out(self, charge: Held) -> None:
        fate = self._chance.one_of("charge", self.id, FATES)
        if fate in ("good", "odd"):
            self._collect(charge, odd=fate == "odd")
        else:
            charge.state = fate

    def _collect(self, charge: Held, *, odd: bool = False) -> None:
        if not charge.captures:
            charge.state = "held"
            return
        charge.state = "paid"
        charge.captured = charge.amount + self._chance.one_of("by", self.id, (-100, 100)) * odd

    def cancel(self, attempt: Attempt) -> Outcome:
        """Cancel a charge, and say what became of it."""
        charge = shown(self.ledger.charges, attempt, self.now_s)
        if charge is None:
            return Unknown("there is nothing yet")
        if charge.state in CANCELLABLE:
            charge.state = "voided"
            self.ledger.tell(charge)
        return of_charge(charge, attempt)

    def capture(self, attempt: Attempt) -> Outcome:
        """Collect from a hold."""
        charge = self.target(attempt)
        if charge.state == "held":
            charge.state, charge.captured = "paid", attempt.money.minor
            self.ledger.tell(charge)
        return _said(of_capture(charge, attempt))

    def void(self, attempt: Attempt) -> Outcome:
        """Let go of a hold."""
        charge = self.target(attempt)
        if charge.state == "held":
            charge.state = "voided"
            self.ledger.tell(charge)
        return _said(of_void(charge, attempt))

    def refund(self, attempt: Attempt, arrives_s: float) -> Outcome:
        """Give money of a charge back, at most what is left of it."""
        return self._transfer(attempt, arrives_s, self.target(attempt), split=False)

    def payout(self, attempt: Attempt, arrives_s: float) -> Outcome:
        """Send money out; of a split payout, as with a charge."""
        return self._transfer(attempt, arrives_s, None, split=self.nature.split)

    def _transfer(
        self, attempt: Attempt, arrives_s: float, charge: Held | None, *, split: bool
    ) -> Outcome:
        ledger = self.ledger
        known = next((t for t in ledger.transfers if t.id == attempt.provider_id), None)
        if known is None:
            window_s = self.nature.key_window_s
            known = protected(ledger.transfers, attempt, arrives_s, window_s)
        if known is None:
            number = len(ledger.transfers) + 1
            ids = (f"tr_{self.id}_{number}", attempt.reference, attempt.money.minor)
            known = Transfer(*ids, "made", arrives_s, arrives_s + self._lag(), charge)
            ledger.transfers.append(known)
            if not split:
                self._settle(known)
            ledger.tell(known)
        elif known.state == "made" and attempt.provider_id:
            self._settle(known)
            ledger.tell(known)
        return of_transfer(known, attempt)

    def _settle(self, transfer: Transfer) -> None:
        fate = self._chance.one_of("transfer", self.id, TRANSFERS)
        charge = transfer.charge
        if charge is not None and transfer.amount > self.ledger.left(charge):
            fate = "failed"
        transfer.state = fate

    # -- questions

    def lookup(self, attempt: Attempt) -> Lookup:
        """Say what became of an attempt."""
        match attempt.operation:
            case Operation.CAPTURE:
                return of_capture(self.target(attempt), attempt)
            case Operation.VOID:
                return of_void(self.target(attempt), attempt)
            case Operation.CHARGE:
                found = shown(self.ledger.charges, attempt, self.now_s)
                return NotFound() if found is None else of_charge(found, attempt)
            case Operation.REFUND | Operation.PAYOUT:
                one = shown(self.ledger.transfers, attempt, self.now_s)
                return NotFound() if one is None else of_transfer(one, attempt)

    # -- what happens by itself

    def acts(self) -> None:
        """Something that waits goes on; a hold lapses; a cardholder complains; money comes back."""
        self.ledger.catch_up(self.now_s)
        things: list[Held | Transfer] = [*self.ledger.charges, *self.ledger.transfers]
        if not things:
            return
        thing = self._chance.one_of("", self.id, things)
        if isinstance(thing, Held):
            self._charge_acts(thing)
        else:
            self._transfer_acts(thing)

    def _charge_acts(self, charge: Held) -> None:
        chance, before = self._chance, charge.state
        if before == "asks":
            charge.state = chance.one_of("payer", self.id, ("made", "made", "lapsed"))
        elif before in ("pending", "action"):
            end = chance.one_of("ends", self.id, ENDS)
            if end == "good":
                self._collect(charge)
            else:
                charge.state = end
        elif before == "held" and chance.happens("lets a hold lapse", self.id, 0.1):
            charge.state = "lapsed"
        elif before == "paid" and self.ledger.left(charge) > 0:
            if not chance.happens("takes money back", self.id, 0.1):
                return
            charge.taken += self.ledger.left(charge)
        elif before in OVER - {"paid"} and charge.confirmed:
            if not chance.happens("changes its mind", self.id, 0.2):
                return
            charge.state, charge.captured = "paid", charge.amount
            charge.changed_its_mind = True
        else:
            return
        self.ledger.tell(charge)

    def _transfer_acts(self, transfer: Transfer) -> None:
        if transfer.state == "pending":
            transfer.state = self._chance.one_of("ends", self.id, ("done", "done", "failed"))
        elif transfer.state == "done" and self._chance.happens("sends it back", self.id, 0.1):
            transfer.state = "failed" if transfer.charge else "returned"
        else:
            return
        self.ledger.tell(transfer)

    def finish(self) -> None:
        """Everything that waits comes to its end."""
        self.ledger.catch_up(inf)
        for charge in self.ledger.charges:
            if charge.state in ("pending", "action"):
                self._charge_acts(charge)
        for transfer in self.ledger.transfers:
            if transfer.state == "pending":
                self._transfer_acts(transfer)

    def target(self, attempt: Attempt) -> Held:
        """Return the charge that an operation is about."""
        charge = self.ledger.charge_by_id(attempt.target)
        assert charge is not None, f"{attempt.operation} of a charge that {self.id} never made"
        return charge


def _said(found: Lookup) -> Outcome:
    return Unknown("it is still held") if isinstance(found, NotFound) else found


#: A refusal that no bank has to think about.
TOO_MANY: Final = NotCharged(Proof.REJECTED, "429", retry_after_s=3.0)
