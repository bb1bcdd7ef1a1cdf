"""Planted bugs, made through the same seams: each must turn the cells that are named for it red."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from uuid import uuid4

from domain.attempt import Attempt
from domain.books import Store, Work
from domain.events import Told
from domain.facts import Fact
from domain.outcome import NotCharged, Outcome, Proof, Unknown
from domain.ports import Budget, Runtime
from workers.gateways import Adapter, Build, Setup
from workers.gateways.registry import Find, builder


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong with a worker: its books, its adapters, or both."""

    store: Callable[[Store], Store] = lambda store: store
    adapter: Callable[[Adapter], Adapter] = lambda adapter: adapter

    def around(self, runtime: Runtime) -> Runtime:
        """Return the runtime with the bug in it."""
        return replace(runtime, store=self.store(runtime.store))

    @property
    def find(self) -> Find:
        """Finds the adapters, with the bug in them."""

        def found(provider: str) -> Build:
            build = builder(provider)

            def built(setup: Setup) -> Adapter:
                return self.adapter(build(setup))

            return built

        return found


class _Dropped(Exception):
    """Undoes a transaction behind its flow's back."""


class _Inner:
    """Everything that is not named is the inner one's."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _WithoutIntent(_Inner):
    """Books that forget each attempt when they should commit it: bytes before intent."""

    @contextmanager
    def begin(self) -> Iterator[Work]:
        with suppress(_Dropped), self._inner.begin() as work:
            writing = _Noting(work)
            yield cast("Work", writing)
            if writing.begun:
                raise _Dropped


class _Noting(_Inner):
    begun = False

    def begin_attempt(self, *asked: Any) -> Any:
        self.begun = True
        return self._inner.begin_attempt(*asked)


class _WithoutStory(_Inner):
    """Books that store what a provider says and do not tell anybody."""

    @contextmanager
    def begin(self) -> Iterator[Work]:
        with self._inner.begin() as work:
            yield cast("Work", _Silent(work))


class _Silent(_Inner):
    learns = False

    def add_fact(self, fact: Fact) -> None:
        self.learns = True
        self._inner.add_fact(fact)

    def tell(self, *told: Told) -> None:
        if not self.learns:
            self._inner.tell(*told)


class _FreshKeys(_Inner):
    """An adapter that sends the same request under another key each time."""

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        outcome: Outcome = self._inner.charge(replace(attempt, id=uuid4()), budget)
        return outcome


class _Guessing(_Inner):
    """An adapter that takes silence for a no."""

    def charge(self, attempt: Attempt, budget: Budget) -> Outcome:
        outcome: Outcome = self._inner.charge(attempt, budget)
        if isinstance(outcome, Unknown):
            return NotCharged(Proof.NEVER_SENT, outcome.cause)
        return outcome


BUGS: Final[Mapping[str, Bug]] = {
    "bytes_before_intent": Bug(store=lambda store: cast("Store", _WithoutIntent(store))),
    "nothing_told": Bug(store=lambda store: cast("Store", _WithoutStory(store))),
    "fresh_keys": Bug(adapter=lambda adapter: cast("Adapter", _FreshKeys(adapter))),
    "silence_is_no": Bug(adapter=lambda adapter: cast("Adapter", _Guessing(adapter))),
}
