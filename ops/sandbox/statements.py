"""GET /v1/settlements: the merchant's own statement of a window, page by page."""

import time

from ops.sandbox.account import Account
from ops.sandbox.calls import Call, Endpoint, query_of
from ops.sandbox.execution import Execution
from ops.sandbox.replies import Answer, Reply, invalid, json_answer
from ops.sandbox.times import epoch_s, rfc3339

#: The longest window, and how many lines a page may have.
WINDOW_S = 31 * 86_400.0
PAGE_LIMIT = 200
PAGE_DEFAULT = 100


class StatementEndpoints:
    """The statement over HTTP."""

    def __init__(self, account: Account, execution: Execution) -> None:
        self._account = account
        self._execution = execution

    def routes(self) -> dict[str, dict[str, Endpoint]]:
        """Return the paths that are answered here."""
        return {"/v1/settlements": {"GET": self._list}}

    async def _list(self, call: Call) -> Reply:
        given = query_of(call.request, {"since", "until", "after", "limit"})
        since_s, until_s = _time(given, "since"), _time(given, "until")
        if not 0 < until_s - since_s <= WINDOW_S:
            raise invalid("until must lie after since, by at most 31 days.", "until")
        after = _after(given.get("after", ""))
        most = _limit(given.get("limit", str(PAGE_DEFAULT)))

        def find() -> Answer:
            account = self._account
            visible_s = time.time() - account.settings.visibility_lag_s
            window = rfc3339(since_s), rfc3339(min(until_s, visible_s))
            lines, more = account.settlements.between(account.ledger, *window, after, most)
            return json_answer(200, {"data": lines, "has_more": more})

        # What is listed must be on disk, and the books are asked only after it is.
        await self._account.ledger.flushed()
        return await self._execution.read(call.request, find)


def _time(given: dict[str, str], name: str) -> float:
    try:
        return epoch_s(given.get(name, ""))
    except ValueError:
        raise invalid(f"{name} must be an RFC 3339 time with an offset.", name) from None


def _after(line: str) -> int:
    digits = line.removeprefix("sl_")
    if line and not (line.startswith("sl_") and digits.isdecimal() and len(digits) <= 18):
        raise invalid("after must be the id of a line.", "after")
    return int(digits or 0)


def _limit(text: str) -> int:
    if not (text.isdecimal() and len(text) <= 3 and 1 <= int(text) <= PAGE_LIMIT):
        raise invalid(f"limit must be between 1 and {PAGE_LIMIT}.", "limit")
    return int(text)
