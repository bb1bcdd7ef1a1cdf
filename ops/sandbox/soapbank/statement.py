"""The account's statement: what moved in a window, line by line, as the ledger has it."""

from collections.abc import Mapping

from ops.sandbox.replies import Answer
from ops.sandbox.soapbank.currencies import written
from ops.sandbox.soapbank.rules import GET_STATEMENT, Order, invalid
from ops.sandbox.soapbank.writer import Fields, statement
from ops.sandbox.stage.lines import Kind, Line
from ops.sandbox.stage.stage import Stage
from ops.sandbox.times import epoch_s

#: Lines of one answer, and the longest window.
PAGE = 100
WINDOW_S = 31 * 86_400.0

#: What the bank calls a movement; anything else in its ledger is none.
KINDS: Mapping[str, str] = {
    Kind.SALE: "CHARGE",
    Kind.CAPTURE: "CHARGE",
    Kind.CHARGEBACK: "CHARGEBACK",
    Kind.REVERSAL: "CHARGEBACK",
    Kind.REFUND: "REFUND",
    Kind.REFUND_FAILED: "REFUND_RETURN",
    Kind.PAYOUT: "PAYOUT",
    Kind.PAYOUT_RETURNED: "PAYOUT_RETURN",
}
#: Of refunds, whose line is named by the refund and not by its charge.
OF_REFUNDS = frozenset({Kind.REFUND, Kind.REFUND_FAILED})


def shown(stage: Stage, asked: Order) -> Answer:
    """Answer GetStatement."""
    since_s, until_s = _time(asked, "Since"), _time(asked, "Until")
    if not 0 < until_s - since_s <= WINDOW_S:
        raise invalid("Until lies after Since, by at most 31 days.", "Until")
    journal, after = stage.journal, int(asked["After"])
    found: list[Fields] = []
    more = True
    while more:
        seqs, more = stage.books.movements(after, journal.on_disk, PAGE)
        for seq in seqs:
            line = journal.read(seq)
            if since_s <= epoch_s(line.at) < until_s:
                if len(found) == PAGE:
                    return statement(GET_STATEMENT, found, more=True)
                found.append(_line(line))
        after = seqs[-1] if seqs else after
    return statement(GET_STATEMENT, found, more=False)


def _line(line: Line) -> Fields:
    reference = line.refund_reference if line.kind in OF_REFUNDS else line.reference
    return {
        "LineId": str(line.seq),
        "At": line.at,
        "Kind": KINDS[line.kind],
        "BankId": line.object,
        "Reference": reference,
        "Amount": written(line.amount, line.currency),
        "Currency": line.currency,
    }


def _time(asked: Order, name: str) -> float:
    try:
        return epoch_s(asked[name])
    except ValueError:
        raise invalid(f"{name} is no time.", name) from None
