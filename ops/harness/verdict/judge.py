"""Judge: reads the ledgers, then our database in one snapshot, and says what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import Engine

from ops.harness.verdict.audited import broken_chain, unaudited
from ops.harness.verdict.books import Books, known_attempts, read_books
from ops.harness.verdict.doubles import doubled, given_back
from ops.harness.verdict.findings import Finding, Verdict
from ops.harness.verdict.keys import expired, untold, unwritten
from ops.harness.verdict.lines import LedgerFile, Ledgers, Movement, read_ledgers
from ops.harness.verdict.replay import unexplained
from ops.harness.verdict.standing import standing
from ops.harness.verdict.sums import in_question, wrong_sums


def judge(
    engine: Engine,
    files: Mapping[str, LedgerFile],
    audit_key: bytes | None,
    *,
    merchant_id: UUID | None = None,
    accepted: Collection[str] = (),
) -> Verdict:
    """Return what the ledgers of `files` and the database behind `engine` say together.

    Nothing else is asked: no provider, no program. Ask when everything has had time to settle: what
    is under way then is `stuck`. `audit_key` None leaves the audit chain out, which is read whole.
    With a `merchant_id` only that merchant's rows are judged, and the ledger lines of their attempts;
    what no attempt of anybody asked for is found in any case. `accepted`: public ids (`pay_...`,
    `ref_...`, `po_...`) that clients were given with a 2xx. Raises what SQLAlchemy raises, and
    OSError where a ledger cannot be read.
    """
    chain = [] if audit_key is None else list(broken_chain(engine, audit_key))
    # The ledgers come first: an attempt is committed before its first byte, so that whatever they
    # tell of was asked for by a row that the snapshot after them has.
    ledgers = read_ledgers(files)
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as db:
        books = read_books(db, merchant_id)
        unknown = _references(ledgers) - books.by_reference.keys()
        others = known_attempts(db, unknown)
        silent = list(unaudited(db, merchant_id))
    unasked = list(unwritten(ledgers, others | books.by_reference.keys()))
    if merchant_id is not None:
        ledgers = _only(ledgers, books)
    return _verdict(books, ledgers, accepted, [*chain, *silent], unasked)


def _verdict(
    books: Books,
    ledgers: Ledgers,
    accepted: Collection[str],
    silent: Iterable[Finding],
    unasked: Iterable[Finding],
) -> Verdict:
    theirs = ledgers.movements
    questions = in_question(books)
    where = standing(books, accepted, _seen(theirs, questions))
    return Verdict(
        lost=tuple(where.lost),
        doubled=tuple(doubled(books, theirs)),
        unaudited=tuple(silent),
        stuck=tuple(where.stuck),
        wrong_sums=tuple(wrong_sums(books, theirs, questions)),
        unwritten=tuple(unasked),
        expired_keys=tuple(expired(books, ledgers.executed)),
        unexplained=tuple(unexplained(books)),
        parked=tuple(where.parked),
        waiting=tuple(where.waiting),
        given_back=tuple(given_back(books, theirs)),
        untold=tuple(untold(ledgers)),
        judged=(
            ("payments", len(books.payments)),
            ("refunds", len(books.refunds)),
            ("payouts", len(books.payouts)),
            ("attempts", len(books.attempts)),
            ("movements", theirs.total()),
        ),
    )


def _references(ledgers: Ledgers) -> set[str]:
    moved = {one.reference for one in ledgers.movements}
    return moved | {done.reference for done in ledgers.executed}


def _only(ledgers: Ledgers, books: Books) -> Ledgers:
    """Leave out the lines of other merchants' attempts."""
    ours = books.by_reference
    return Ledgers(
        Counter({one: n for one, n in ledgers.movements.items() if one.reference in ours}),
        tuple(done for done in ledgers.executed if done.reference in ours),
    )


def _seen(theirs: Counter[Movement], questions: Collection[str]) -> dict[str, str]:
    """Say what the ledgers show of the attempts that are parked because nobody knows."""
    found: dict[str, str] = {}
    for one in theirs:
        if one.reference in questions:
            said = f"the ledger: {one.amount} {one.currency} {one.kind}"
            found[one.reference] = (
                f"{found[one.reference]}, {said}" if one.reference in found else said
            )
    return found
