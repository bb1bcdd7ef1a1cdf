"""The seam of the books: a store whose transactions say which boundary they cross."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast
from uuid import UUID

from domain.attempt import Attempt
from domain.books import Store, Work
from domain.events import Told
from domain.facts import Fact
from domain.outcome import Prepared
from tests.crash.cells import Boundary, When
from tests.crash.failpoint import Failpoint

T = TypeVar("T")

#: What has one side before the commit has it at the statement: for the others it is the commit.
_CLAIMED = Boundary.B6


class WatchedStore:
    """Opens the transactions of another store and watches them."""

    def __init__(self, store: Store, failpoint: Failpoint) -> None:
        self._store = store
        self._failpoint = failpoint

    @contextmanager
    def begin(self) -> Iterator[Work]:
        """Open a transaction; what it writes says what its commit is."""
        if not self._failpoint.here:
            with self._store.begin() as work:
                yield work
            return
        commits: list[Boundary] = []
        with self._store.begin() as work:
            yield cast("Work", WatchedWork(work, commits, self._failpoint))
            for boundary in commits:
                if boundary is not _CLAIMED:
                    self._failpoint.reach(boundary, When.BEFORE)
        for boundary in commits:
            self._failpoint.reach(boundary, When.AFTER)


class WatchedWork:
    """One transaction. What is not named here is the inner one's."""

    def __init__(self, work: Work, commits: list[Boundary], failpoint: Failpoint) -> None:
        self._work = work
        self._commits = commits
        self._failpoint = failpoint

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def claim_payment(self, id_: UUID, owner: int, lease_s: float) -> Any:
        return self._claimed(lambda: self._work.claim_payment(id_, owner, lease_s))

    def claim_notice(self, id_: UUID, owner: int, lease_s: float) -> Any:
        return self._claimed(lambda: self._work.claim_notice(id_, owner, lease_s))

    def claim_refund(self, id_: UUID, owner: int, lease_s: float) -> Any:
        return self._claimed(lambda: self._work.claim_refund(id_, owner, lease_s))

    def claim_payout(self, id_: UUID, owner: int, lease_s: float) -> Any:
        return self._claimed(lambda: self._work.claim_payout(id_, owner, lease_s))

    def begin_attempt(self, attempt: Attempt, *rest: Any) -> Any:
        begun = self._work.begin_attempt(attempt, *rest)
        if begun is not None:
            self._commits.append(Boundary.B7)
        return begun

    def add_attempt(self, attempt: Attempt) -> None:
        self._work.add_attempt(attempt)
        self._commits.append(Boundary.B7)

    def add_fact(self, fact: Fact) -> None:
        self._work.add_fact(fact)
        prepared = isinstance(fact.outcome, Prepared)
        boundary = Boundary.C7 if prepared else Boundary.B11
        if boundary not in self._commits:
            self._commits.append(boundary)

    def tell(self, *told: Told) -> None:
        if Boundary.B11 not in self._commits or not told:
            self._work.tell(*told)
            return
        self._failpoint.reach(Boundary.B12, When.BEFORE)
        self._work.tell(*told)
        self._failpoint.reach(Boundary.B12, When.AFTER)

    def win_key(self, *asked: Any) -> Any:
        self._failpoint.reach(Boundary.B1, When.BEFORE)
        known = self._work.win_key(*asked)
        self._failpoint.reach(Boundary.B1, When.AFTER)
        self._commits.append(Boundary.B2)
        return known

    def _claimed(self, claim: Callable[[], T | None]) -> T | None:
        self._failpoint.reach(Boundary.B6, When.BEFORE)
        claimed = claim()
        if claimed is not None:
            self._commits.append(Boundary.B6)
        return claimed
