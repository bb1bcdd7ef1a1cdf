"""What an operation refuses, whatever the request: the state is wrong, or the sum is."""

from ops.sandbox.books import Subject
from ops.sandbox.payments.payment import Payment
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refunds.refund import Refund


class WrongStateError(Exception):
    """The object is in a state from which it cannot get there."""

    def __init__(self, subject: Subject, wanted: str) -> None:
        super().__init__(f"A {word_for(subject)} that is {subject.status} cannot become {wanted}.")
        self.subject = subject


class TooMuchError(Exception):
    """More was asked for than there is; `code` says which sum was exceeded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def word_for(subject: Subject) -> str:
    """Return the word under which the API shows an object."""
    match subject:
        case Payment():
            return "payment"
        case Refund():
            return "refund"
        case Payout():
            return "payout"
