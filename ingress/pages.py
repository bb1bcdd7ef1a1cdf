"""Pages: a part of a list as it is asked for, and as it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from ingress.schemas import Page, cursor
from ops.store.wanted import COUNT_CAP


class Identified(Protocol):
    """A row with the id that orders its list."""

    @property
    def id(self) -> UUID:
        """A UUIDv7: newer is larger."""


Wish = TypeVar("Wish")
Item = TypeVar("Item", bound=Identified)


@dataclass(frozen=True, slots=True)
class Listed(Generic[Wish]):
    """Which rows of a list are wanted, and which part of them."""

    wanted: Wish
    page: Page
    #: Whether to count them too, which costs more than a page.
    total: bool
    #: What the cursor of the next page is bound to.
    scope: str

    @property
    def enough(self) -> int:
        """One row more than is shown: it tells whether there is more."""
        return self.page.limit + 1

    def answer(
        self, found: Sequence[Item], view: Callable[[Item], Any], counted: int | None
    ) -> dict[str, Any]:
        """Return the page. `counted`: how many there are, at most one more than is counted."""
        shown, more = found[: self.page.limit], len(found) > self.page.limit
        page: dict[str, Any] = {
            "data": [view(item) for item in shown],
            "has_more": more,
            "next_cursor": cursor(shown[-1].id, self.scope) if more else None,
        }
        if counted is not None:
            page |= {"total": min(counted, COUNT_CAP), "total_is_capped": counted > COUNT_CAP}
        return page
