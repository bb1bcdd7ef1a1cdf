"""What the suite needs of a provider: what it documents, scripted faults, its own books, webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias

from domain.attempt import Attempt, Operation
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.ports import Promise
from workers.gateways import Adapter


class Scenario(StrEnum):
    """What a provider can do with one call."""

    # Whatever strikes a connection can strike every call of every provider.
    REFUSES_CONNECTIONS = "refuses_connections"
    DROPS_BEFORE = "drops_before"
    DROPS_AFTER = "drops_after"
    FAILS_BEFORE = "fails_before"
    FAILS_AFTER = "fails_after"
    GARBAGE_AFTER = "garbage_after"
    HANGS_BEFORE = "hangs_before"
    HANGS_AFTER = "hangs_after"
    DRIPS_AFTER = "drips_after"
    LIMITS_RATE = "limits_rate"
    IS_DOWN = "is_down"
    # These are decisions, and each provider knows its own: `Ways.decides`.
    SOFT_DECLINE = "soft_decline"
    HARD_DECLINE = "hard_decline"
    #: By exactly one of the provider's units (`Coin.unit`): a charge and a payout are of more than
    #: was asked for, a capture and a refund, of which there is no more, of less.
    CHARGES_MORE = "charges_more"
    DECIDES_LATER = "decides_later"
    ASKS_THE_PAYER = "asks_the_payer"


class Step(StrEnum):
    """The calls of a split operation; any other operation has only the one that moves."""

    MAKE = "make"  # makes the provider's object, and moves nothing
    MOVE = "move"  # moves the money


class Fate(StrEnum):
    """What a charge that the provider decides later can become, in our words."""

    CAPTURED = "captured"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REFUNDED = "refunded"


class Open(StrEnum):
    """How a charge can stand that nobody wants any more."""

    MADE = "made"  # the provider's object of a split charge, whose money was not asked for
    ACTION = "action"  # the payer has not acted yet
    LATER = "later"  # the provider has not decided yet
    HELD = "held"


class News(StrEnum):
    """What a webhook can be about, in our words."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CHARGED_BACK = "charged_back"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    PAYOUT_BEGUN = "payout_begun"
    PAID_OUT = "paid_out"
    PAYOUT_RETURNED = "payout_returned"


class Finds(StrEnum):
    """What a look-up by our reference is worth, where the provider's id is not known."""

    AT_ONCE = "at_once"  # what is there is found, and what is not there was not done
    PERHAPS = "perhaps"  # it may be found; not to be found says nothing
    NEVER = "never"  # there is no such look-up: `NotFound` or `Unknown`, whatever happened


class Replay(StrEnum):
    """What the moving call comes to when it is sent again under its key, after it was answered."""

    SAME = "same"  # the first outcome again, to the letter
    LATEST = "latest"  # what the object is by now: as money, the same
    UNKNOWN = "unknown"  # the provider refuses a repetition; only a look-up tells
    # Nothing protects a repetition: the promise's `key_window` is zero, and nobody sends it again.
    ANOTHER = "another"


class OtherBody(StrEnum):
    """What another body under a key that was used comes to. The first one counts, either way."""

    REFUSED = "refused"  # `Unknown`, because the first one ran under our name
    IGNORED = "ignored"  # the first one's answer, whose money is then not what was asked for


@dataclass(frozen=True)
class Coin:
    """A currency that the provider takes, and which amounts of it."""

    code: str
    #: Every amount is a multiple of this, in ISO 4217 minor units: 100 where the provider has no
    #: sen, 10 where it rounds thousandths. Half of it must be inexpressible, where it is not 1.
    unit: int = 1
    #: The least amount that the provider takes, in multiples of `unit`; all amounts that the suite
    #: asks for are multiples of this one, so that their parts can be asked for, too.
    least: int = 1

    def of(self, units: int) -> int:
        """Return so many of the provider's units in ISO minor units."""
        return units * self.unit


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What one provider documents, as far as the suite has to know it.

    Literal, and written from the provider's documents: nothing in here is read from the adapter.
    An operation, currency or method that is not in here is asserted not to be there.
    """

    provider: str
    #: What can be done there, and what is promised about it: the adapter must declare exactly this.
    promises: Mapping[Operation, Promise]

    #: One currency per number of ISO digits (0, 2, 3). For digits that are not in here the suite
    #: asserts that JPY, EUR or KWD cannot be composed. Two digits, or none, must be in here.
    coins: Mapping[int, Coin]
    #: What is charged at once; with `asks_always` once the payer has approved.
    pays: Method
    #: What is held; None: the provider holds nothing.
    holds: Method | None = None
    #: Whether every charge needs the payer's approval first (a PayPal order).
    asks_always: bool = False
    #: Whether a payment that wants 3DS is sent to the payer's bank.
    asks_on_demand: bool = False
    #: Other methods whose payer pays on another page: a charge is `RequiresAction` first.
    elsewhere: tuple[Method, ...] = ()
    #: Of `elsewhere`, what can be held as well.
    held_elsewhere: tuple[Method, ...] = ()
    #: What is charged although a hold was asked for, because nobody can hold it. Methods that are
    #: neither here nor `holds` nor `held_elsewhere` cannot be composed for a hold.
    never_held: tuple[Method, ...] = ()
    #: Our methods that the provider has no words for.
    lacks: tuple[Method, ...] = ()
    #: Where a payout can go, and where it cannot.
    destinations: tuple[Destination, ...] = ()
    no_destinations: tuple[Destination, ...] = ()
    #: Another token for `pays` than its own is fine (a simulator that takes any card).
    any_token: bool = True
    #: Whether a stored token can be forgotten there, and tokens of `pays` with which that may be
    #: tried, each once; none are needed where any token will do.
    detaches: bool = False
    forgets: tuple[str, ...] = ()

    #: The decisions that can be played, by operation; at a split operation at the call that moves.
    decides: Mapping[Operation, frozenset[Scenario]]
    #: `LIMITS_RATE` and `IS_DOWN` where the provider documents that nothing was executed; the value
    #: is what its `Retry-After` says (s), None without. What is not in here must be `Unknown`.
    refuses: Mapping[Scenario, float | None]
    #: What a wrong key comes to is `NotCharged` everywhere (401 or 403).

    #: Whether the payer may try once more after a decline: what is read of the charge then is that
    #: it waits for them (`RequiresAction` or `Prepared`), and not the "no" again.
    declines_stay_open: bool = False

    #: What makes an object that does not show our reference: `Succeeded.reference` is None.
    nameless: frozenset[Operation] = frozenset()
    #: What a look-up by our reference is worth, for what makes an object of its own.
    finds: Mapping[Operation, Finds]
    #: What a repetition under the key comes to.
    replays: Mapping[Operation, Replay]
    #: What another body under a used key comes to; of a split operation, at the call that makes.
    other_body: OtherBody | Mapping[Operation, OtherBody] = OtherBody.REFUSED
    #: Whose 500 is saved under the key: a repetition brings it again, and does nothing.
    keeps_failures: frozenset[Operation] = frozenset()
    #: Whose adapter reads back within the same call, so that a lost answer need not be `Unknown`.
    reads_at_once: frozenset[Operation] = frozenset()

    #: Whether a hold can be collected in part; where it cannot, compose gives None for it.
    captures_in_part: bool = True
    refunds_in_part: bool = True
    #: Whether a payout is `Succeeded` only once it is decided (`Pending` until then).
    payouts_pend: bool = True
    #: What the rig can force a charge to become: one that is to be decided later, or waits for its
    #: payer (captured, declined, canceled, expired), a hold (canceled, expired; authorized of one
    #: that is to be decided later), or one whose money moved (refunded).
    fates: frozenset[Fate] = frozenset()
    #: What a cancel ends; anything else it leaves as it is. Nothing: the adapter `can_void` nothing.
    cancels: frozenset[Open] = frozenset({Open.ACTION, Open.HELD})
    #: Whether a chargeback can be played and is read as `TakenBack`; in part only where it says so.
    charges_back: bool = False
    charges_back_in_part: bool = False
    #: Whether a refund that succeeded can fail later, and a payout that was paid can come back: it is
    #: then read as `Returned`, or as `Declined` where one that failed on its way looks the same.
    refunds_fail_late: bool = False
    payouts_return: bool = False
    #: What makes an object of its own and can be there twice under our reference (`does_again`).
    doubles: frozenset[Operation] = frozenset()

    #: The type that a hint carries for each kind of news; what is not in here is never sent.
    news: Mapping[News, str] = field(default_factory=dict)
    #: Whether a webhook's proof covers its time, and every byte of its body. Where it does not, the
    #: suite asserts that a forgery in that respect passes, and that reading back defeats it.
    proves_time: bool = True
    proves_body: bool = True

    def can(self, *operations: Operation) -> bool:
        """Whether all of these can be done there."""
        return all(operation in self.promises for operation in operations)

    def splits(self, operation: Operation) -> bool:
        """Whether this takes two calls."""
        return operation in self.promises and self.promises[operation].split

    def plays(self, scenario: Scenario, operation: Operation) -> bool:
        """Whether this decision can be played at this operation."""
        return scenario in self.decides.get(operation, frozenset())

    def name(self, attempt: Attempt) -> str | None:
        """Return the reference that the provider shows on the object of this attempt."""
        return None if attempt.operation in self.nameless else attempt.reference

    def ignores_body(self, operation: Operation) -> bool:
        """Whether another body under a used key is answered as the first one was."""
        whole = self.other_body
        said = whole if isinstance(whole, OtherBody) else whole[operation]
        return said is OtherBody.IGNORED

    @property
    def coin(self) -> Coin:
        """The currency in which everything is tried that is not about currencies."""
        return self.coins[2] if 2 in self.coins else self.coins[0]


#: A webhook as it arrived: its headers (lower case), and its body.
Delivery: TypeAlias = tuple[Mapping[str, str], bytes]


class Rig(Protocol):
    """One provider: its simulator, and the adapter under test.

    Built once per session from a folder of its own; `tests.contract.staged.StageRig` has everything
    that the simulators of `ops.sandbox.stage` have in common.
    """

    ways: ClassVar[Ways]
    adapter: Adapter
    #: What the gateway's row would hold to verify webhooks.
    webhook_secret: str

    def renew(self) -> None:
        """Take another adapter, which has no connections yet and has told nobody anything."""

    def plays(
        self, scenario: Scenario, at: Operation = Operation.CHARGE, step: Step = Step.MOVE
    ) -> None:
        """Have the next such call meet this; a refused connection lasts until `calm`."""

    def fails_next_read(self) -> None:
        """Have the next look-up fail."""

    def calm(self) -> None:
        """End all faults."""

    def done(self, attempt: Attempt) -> int:
        """How often the provider's own books say that money moved for this: that it was taken (a
        charge that captures, a capture), given back, or sent out; that a hold was let go of."""

    def held(self, attempt: Attempt) -> int:
        """How often the provider's own books say that money is held under this reference."""

    def posts(self, reference: str) -> int:
        """How many requests that change something the provider saw under our reference."""

    def does_again(self, attempt: Attempt) -> None:
        """Have somebody without our key charge, refund or pay out under our reference."""

    def alarmed(self) -> list[tuple[str, str]]:
        """What the adapter has told people so far."""

    def approves(self, provider_id: str) -> None:
        """Have the payer approve on the page that a charge sent them to."""

    def rejects(self, provider_id: str) -> None:
        """Have the payer refuse there."""

    def settles(self, provider_id: str, fate: Fate) -> None:
        """Force a charge into another of the provider's statuses; one of `ways.fates`."""

    def charges_back(self, provider_id: str, minor: int) -> None:
        """Have the payer's bank take money of a charge back (ISO minor units)."""

    def decides_refund(self, provider_id: str, *, succeeds: bool) -> None:
        """Decide a refund; with `ways.refunds_fail_late` one that has succeeded can still fail."""

    def decides_payout(self, provider_id: str, *, succeeds: bool) -> None:
        """Decide a payout that is under way."""

    def returns_payout(self, provider_id: str) -> None:
        """Have a payout come back that was paid."""

    def payouts(self, reference: str) -> list[str]:
        """The provider's ids of all payouts under our reference."""

    def webhook(self, news: News, attempt: Attempt) -> Delivery:
        """Wait for the webhook about this charge, refund or payout, as it was sent: of a capture
        and a chargeback, `attempt` is the charge."""

    def tampered(self, body: bytes) -> bytes:
        """A webhook's body that tells of another status, and is otherwise the same."""

    def nonsense(self, attempt: Attempt) -> bytes | None:
        """A stored request that the provider documents to refuse as wrong, and never executes; of a
        split operation, such that the call that moves money is refused. None: this call says
        nothing that could be wrong."""

    def inexpressible(self) -> Payment:
        """A payment by `ways.pays` that this provider has no words for."""

    def stranger(self) -> Adapter:
        """The same account with a wrong key."""

    def at(self, url: str) -> Adapter:
        """An adapter with good credentials whose provider is somewhere else: a server of raw
        sockets."""

    def greets(self) -> tuple[bytes, ...]:
        """The raw HTTP answers that precede everything on an adapter's first connection, such as to
        the request for an access token; most providers need none."""

    def shown(self, attempt: Attempt) -> tuple[int, bytes]:
        """Status and body with which the provider documents that the moving call of this charge has
        succeeded; the attempt's `provider_id`, where it has one, is the object's."""

    def spoken(self, status: int, body: bytes) -> bytes:
        """That answer, or a worse one, as raw HTTP, with the headers and the signature that the
        provider sends with everything (`tests.workers.raw_server.http`)."""

    def close(self) -> None:
        """Stop everything."""
