"""The admin port's books: the ledger, its sums, the settlement list, the requests seen."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from ops.sandbox.account import Account
from ops.sandbox.replies import Answer, Reply, invalid, json_answer
from ops.sandbox.sightings import Sightings
from ops.sandbox.wire import Request

#: Ledger entries or settlement lines in one answer; `has_more` tells to ask again after the last.
PAGE = 10_000
#: What is summed up per currency.
SUMS = (
    "captured",
    "refunded",
    "refund_failed",
    "charged_back",
    "reversed",
    "paid_out",
    "payout_returned",
)

AdminEndpoint: TypeAlias = Callable[[Request, str], Awaitable[Reply]]


class Audit:
    """Shows what is on disk, and nothing else."""

    def __init__(self, account: Account, sightings: Sightings) -> None:
        self._account = account
        self._sightings = sightings

    def routes(self) -> dict[str, dict[str, AdminEndpoint]]:
        """Return the paths that are answered here."""
        return {
            "/ledger": {"GET": self._ledger},
            "/ledger/summary": {"GET": self._summary},
            "/settlements": {"GET": self._settlements},
            "/requests": {"GET": self._requests},
        }

    async def _ledger(self, request: Request, _: str) -> Answer:
        after = _number(request, "after")
        ledger = self._account.ledger
        await ledger.flushed()
        last = min(after + PAGE, ledger.on_disk)
        entries = [ledger.read(seq) for seq in range(after + 1, last + 1)]
        body = {"data": entries, "has_more": last < ledger.on_disk}
        return Answer(200, msgspec.json.encode(body))

    async def _settlements(self, request: Request, _: str) -> Answer:
        after = _number(request, "after_seq")
        ledger = self._account.ledger
        await ledger.flushed()
        lines, more = self._account.settlements.page(ledger, after, PAGE)
        return json_answer(200, {"data": lines, "has_more": more})

    async def _summary(self, _: Request, __: str) -> Answer:
        await self._account.ledger.flushed()
        books = self._account.books
        references = {reference: asdict(tally) for reference, tally in books.tallies.items()}
        currencies: dict[str, dict[str, int]] = {}
        for tally in references.values():
            sums = currencies.setdefault(tally["currency"], dict.fromkeys(SUMS, 0))
            for name in SUMS:
                sums[name] += tally[name]
        given_back = Counter(
            refund.reference
            for refund in books.refunds.values()
            if refund.status == "succeeded" and refund.reference is not None
        )
        totals: dict[str, Any] = {
            "references": len(references),
            "charges": sum(tally["charges"] for tally in references.values()),
            "payouts": sum(tally["payouts"] for tally in references.values()),
            "currencies": currencies,
            "charged_more_than_once": _repeated(references, "charges"),
            "refunded_more_than_once": [one for one, times in given_back.items() if times > 1],
            "paid_out_more_than_once": _repeated(references, "payouts"),
        }
        return json_answer(200, {"references": references, "totals": totals})

    async def _requests(self, request: Request, _: str) -> Answer:
        reference = _query(request).get("reference")
        return json_answer(200, {"data": self._sightings.to_json(reference)})


def _repeated(references: dict[str, dict[str, Any]], what: str) -> list[str]:
    return [reference for reference, tally in references.items() if tally[what] > 1]


def _number(request: Request, name: str) -> int:
    given = _query(request).get(name, "0")
    if not given.isdecimal():
        raise invalid(f"{name} must be a sequence number.", name)
    return int(given)


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))
