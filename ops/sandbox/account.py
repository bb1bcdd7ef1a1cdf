"""The provider's one account: every change goes through here, into books, ledger and webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.sandbox.announcing import Announcer
from ops.sandbox.board import Board, Operation
from ops.sandbox.books import Books, Subject
from ops.sandbox.carrier import Carrier
from ops.sandbox.clockwork import Clockwork
from ops.sandbox.entries import Delivered, Entry, Event, GivenUp, Key, Move
from ops.sandbox.faults import Strike
from ops.sandbox.keys import Keys
from ops.sandbox.ledger import Ledger
from ops.sandbox.payments.lifecycle import Terms
from ops.sandbox.settings import Settings
from ops.sandbox.settlements import Settlements
from ops.sandbox.times import epoch_s
from ops.sandbox.webhooks import Manner, Outbox

#: Payments held in memory, about 2 kB each with all that belongs to them; then comes a 503.
PAYMENT_LIMIT = 250_000
#: The same for refunds, for payouts and for detached tokens, each by itself.
OTHERS_LIMIT = 250_000


@dataclass(frozen=True, slots=True)
class Changed:
    """An operation that is in the books and not yet in the ledger."""

    lines: tuple[Entry, ...] = ()
    subject: Subject | None = None  #: what it changed; None for nothing, or a token
    manner: Manner = field(default_factory=Manner)


class Account:
    """Books, keys, ledger, faults and webhooks of one provider."""

    def __init__(self, settings: Settings) -> None:
        """Take the ledger and rebuild everything from it. LedgerError if that is impossible."""
        self.settings = settings
        self.terms = Terms(settings.async_delay_s, settings.authorization_life_s)
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        self.public_url = base.rstrip("/")
        self.books = Books()
        self.settlements = Settlements()
        self.keys = Keys(settings.key_window_s)
        self.board = Board()
        self.ledger = Ledger(settings.ledger, durable=settings.durable)
        self.outbox = (
            None
            if settings.webhook_url is None
            else Outbox(
                self.ledger,
                Carrier(settings.webhook_url),
                settings.webhook_secret,
                settings.webhook_time_scale,
            )
        )
        self._announcer = Announcer(
            self.books,
            self.board,
            lambda payment: f"{self.public_url}/pay/{payment}",
            sends=self.outbox is not None,
        )
        self.broken = self.ledger.failed  #: set when the process cannot go on
        self._clockwork = Clockwork(self.books, self.terms, self.act, self.broken)
        self.bytes_cut = self.ledger.replay(self._replay)

    def has_room(self, operation: Operation) -> bool:
        """Whether one more of what this operation creates fits."""
        match operation:
            case Operation.CREATE:
                return len(self.books.payments) < PAYMENT_LIMIT
            case Operation.REFUND:
                return len(self.books.refunds) < OTHERS_LIMIT
            case Operation.PAYOUT:
                return len(self.books.payouts) < OTHERS_LIMIT
            case Operation.DETACH:
                return len(self.books.detached) < OTHERS_LIMIT
            case Operation.CAPTURE | Operation.CANCEL | Operation.READ:
                return True

    def start(self) -> None:
        """Resume what was waiting for time to pass or for a webhook to arrive."""
        if self.outbox is not None:
            self._clockwork.spawn(self.outbox.run())
        self._clockwork.start()

    async def close(self) -> None:
        """Stop the clockwork and write out the ledger."""
        await self._clockwork.close()
        if self.outbox is not None:
            await self.outbox.close()
        await self.ledger.close()

    def shown(self, subject: Subject) -> dict[str, Any]:
        """Return the API's payment, refund or payout object."""
        return self._announcer.shown(subject)

    def change(
        self,
        moves: Sequence[Move],
        cause: Operation | None = None,
        strikes: Sequence[Strike] = (),
    ) -> Changed:
        """Take one operation's moves into the books, with the event that tells about them.

        `cause` is the request behind it, if there is one, and `strikes` the faults it met.
        """
        subject: Subject | None = None
        for move in moves:
            subject = self.books.apply(move)
        if subject is None:
            return Changed(tuple(moves))
        event, manner = self._announcer.event(subject, cause, strikes)
        return Changed((*moves, event), subject, manner)

    async def commit(self, changed: Changed, key: Key | None = None) -> None:
        """Put an operation, and the answer saved for it, on disk; then send its webhook.

        Returns when it is durable and, for an early webhook, answered by the receiver.
        """
        group = changed.lines if key is None else (*changed.lines, key)
        written = self.ledger.append(group)
        for entry in written:
            self.settlements.note(entry)  # before others can append: it counts on their order
        await self.ledger.flushed()
        for entry in written:
            if isinstance(entry, Key):
                self._keep(entry)
            elif isinstance(entry, Event) and self.outbox is not None:
                await self.outbox.accept(entry, changed.manner)
        if changed.subject is not None:
            self._clockwork.watch(changed.subject)

    async def act(self, moves: Sequence[Move]) -> None:
        """Take and commit moves that no API request asked for."""
        await self.commit(self.change(moves))

    def _replay(self, entry: Entry) -> None:
        self.settlements.note(entry)
        if isinstance(entry, Key):
            self._keep(entry)
        elif not isinstance(entry, Event | Delivered | GivenUp):
            self.books.apply(entry)
        if self.outbox is not None:
            self.outbox.replay(entry)

    def _keep(self, entry: Key) -> None:
        self.keys.keep(entry.key, entry.fingerprint, epoch_s(entry.started), entry.seq)
