"""Keys: what providers carried out without a committed attempt, or after its key's window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from ops.harness.verdict.books import Books
from ops.harness.verdict.findings import Finding
from ops.harness.verdict.lines import Executed, Ledgers


def unwritten(ledgers: Ledgers, known: Collection[str]) -> Iterator[Finding]:
    """Yield what was carried out under a name that is no attempt's. `known`: all that are."""
    for one, n in sorted(ledgers.movements.items()):
        if one.reference not in known:
            words = f"{n} x {one.amount} {one.currency} {one.kind} at {one.gateway}"
            yield Finding(one.reference or "(no reference)", f"no attempt asked for this: {words}")
    for done in ledgers.executed:
        if done.reference not in known:
            yield Finding(done.reference, f"no attempt asked {done.gateway} for step {done.step}")


def expired(books: Books, executed: Iterable[Executed]) -> Iterator[Finding]:
    """Yield first executions under a key after its window: a repetition that was none.

    A repetition within the window is answered from the provider's memory and writes no line.
    """
    for done in executed:
        attempt = books.by_reference.get(done.reference)
        if attempt is not None and done.at > attempt.key_window_ends:
            words = f"carried out by {done.gateway} at {done.at:%H:%M:%S}"
            late = f"the key's window ended {attempt.key_window_ends:%H:%M:%S}"
            yield Finding(f"att_{done.reference}", f"{words}, {late}")


def untold(ledgers: Ledgers) -> Iterator[Finding]:
    """Yield the gateways whose ledgers show money without the key it was asked for under."""
    keyed = {(done.gateway, done.reference) for done in ledgers.executed}
    bare: Counter[str] = Counter()
    for one in ledgers.movements:
        if one.kind in ("taken", "refunded", "paid_out"):
            bare[one.gateway] += (one.gateway, one.reference) not in keyed
    for gateway, n in sorted(bare.items()):
        if n:
            yield Finding(gateway, f"{n} movements show no key: their windows cannot be judged")
