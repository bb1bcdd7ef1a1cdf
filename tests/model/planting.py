"""Planting: how a mistake is made, and unmade."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

#: What is replaced by what: an object, the name of its attribute, and the mistake.
Swap: TypeAlias = tuple[object, str, Any]


@dataclass(frozen=True, slots=True)
class Plant:
    """One mistake."""

    #: What somebody got wrong, in a sentence.
    mistake: str
    swaps: Callable[[], Sequence[Swap]]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Make the mistake for as long as the block lasts."""
        with ExitStack() as stack:
            for target, name, mistaken in self.swaps():
                stack.enter_context(patch.object(target, name, mistaken))
            yield
