"""PayPal on its stage: paths, keys, webhooks and what people are told."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ops.sandbox.paypal import certificates, doors, guide, payers, problems, reporting, shows
from ops.sandbox.paypal.disputes import Disputes
from ops.sandbox.paypal.levers import Levers
from ops.sandbox.paypal.orders import Orders
from ops.sandbox.paypal.payments import Payments
from ops.sandbox.paypal.payouts import Payouts
from ops.sandbox.paypal.shop import Shop
from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage.board import CHANGES, Operation, Step
from ops.sandbox.stage.calls import Call, Endpoint, Failing, Handler, Refusal
from ops.sandbox.stage.lines import Line
from ops.sandbox.stage.outbox import Notice
from ops.sandbox.stage.provider import Provider, Section
from ops.sandbox.stage.stage import Stage

#: Up to 25 tries over three days; PayPal publishes no table, so the waits are ours: doubled from ten
#: seconds, then every five hours.
WAITS_S = (*(10.0 * 2**n for n in range(10)), *[17_783.0] * 14)
PEM = "application/x-pem-file"


class PayPal(Provider):
    """One business account."""

    name = "paypal"
    about = (
        "Simulates PayPal: Orders v2 and Payments v2 (the payer approves, then the order is "
        "captured or authorized), Payouts v1, disputes, and webhooks signed with a certificate."
    )
    secrets: ClassVar[Mapping[str, str]] = {
        "SIM_CLIENT_ID": "the REST app's client id",
        "SIM_CLIENT_SECRET": "its secret",
        "SIM_WEBHOOK_ID": "the id of the webhook, which is part of every signature",
    }
    key_window_s = 6 * 3_600.0

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        kept, options = stage.settings.secrets, stage.settings.options
        self._tokens = doors.Tokens(
            kept["SIM_CLIENT_ID"], kept["SIM_CLIENT_SECRET"], options.token_life_s
        )
        self._signer = certificates.kept(options.keys or _beside(stage.settings.ledger))
        self._ca = options.ca_out or _beside(stage.settings.ledger).with_suffix(".ca.pem")
        self._ca.write_bytes(self._signer.authority)
        self._shop = Shop(stage, options.order_life_s)
        self._orders, self._payments = Orders(self._shop), Payments(self._shop)
        self._payouts, self._disputes = Payouts(self._shop), Disputes(self._shop)
        self._reporting = reporting.Reporting(self._shop, options.reporting_lag_s)
        self._pulled = Levers(self._shop, self._payouts, self._disputes)

    @classmethod
    def options(cls, line: ArgumentParser) -> None:
        line.add_argument(
            "--reporting-lag-s",
            type=float,
            default=0.0,
            help="age at which a transaction is listed",
        )
        line.add_argument("--ca-out", type=Path, help="where the webhook CA's certificate goes")
        line.add_argument("--keys", type=Path, help="the webhook key's file; beside the ledger")
        line.add_argument("--token-life-s", type=float, default=31_668.0, help="of access tokens")
        line.add_argument(
            "--order-life-s", type=float, default=6 * 3_600.0, help="until it must be approved"
        )

    def routes(self) -> Mapping[str, Mapping[str, Endpoint]]:
        orders, payments = self._orders, self._payments
        read, move, make = Operation.READ, Step.MOVE, Step.MAKE
        charge, capture = Operation.CHARGE, Operation.CAPTURE
        order, hold = f"{shows.ORDERS}/{{id}}", f"{shows.AUTHORIZATIONS}/{{id}}"
        page = Endpoint(lambda call: payers.page(self._shop, call), public=True)
        return {
            doors.TOKEN: {"POST": Endpoint(self._tokens.give)},
            shows.ORDERS: {"POST": Endpoint(orders.create, charge, make)},
            order: {
                "GET": Endpoint(orders.show, read),
                "PATCH": Endpoint(orders.change, Operation.VOID),
            },
            f"{order}/capture": {"POST": Endpoint(orders.capture, charge, move)},
            f"{order}/authorize": {"POST": Endpoint(orders.authorize, charge, move)},
            hold: {"GET": Endpoint(payments.show_authorization, read)},
            f"{hold}/capture": {"POST": Endpoint(payments.capture, capture)},
            f"{hold}/void": {"POST": Endpoint(payments.void, Operation.VOID)},
            f"{shows.CAPTURES}/{{id}}": {"GET": Endpoint(payments.show_capture, read)},
            f"{shows.CAPTURES}/{{id}}/refund": {
                "POST": Endpoint(payments.refund, Operation.REFUND)
            },
            f"{shows.REFUNDS}/{{id}}": {"GET": Endpoint(payments.show_refund, read)},
            shows.PAYOUTS: {"POST": Endpoint(self._payouts.create, Operation.PAYOUT)},
            f"{shows.PAYOUTS}/{{id}}": {"GET": Endpoint(self._payouts.show, read)},
            f"{shows.ITEMS}/{{id}}": {"GET": Endpoint(self._payouts.show_item, read)},
            reporting.TRANSACTIONS: {"GET": Endpoint(self._reporting.search, read)},
            shows.DISPUTES: {"GET": Endpoint(self._disputes.search, read)},
            f"{shows.DISPUTES}/{{id}}": {"GET": Endpoint(self._disputes.show, read)},
            shows.CHECKOUT: {"GET": page, "POST": page},
            f"{certificates.PATH}{self._signer.name}": {
                "GET": Endpoint(self._certificate, public=True)
            },
        }

    def refusal(self, kind: Refusal) -> Answer:
        return problems.problem(problems.STAGE[kind])

    def admits(self, call: Call) -> Answer | None:
        return None if call.path == doors.TOKEN else self._tokens.admits(call)

    def run(self, call: Call, endpoint: Endpoint, failing: Failing | None) -> Answer:
        """A header of PayPal's own sandbox asks for an error: nothing is executed then."""
        if call.act.operation in CHANGES and (mocked := doors.mocked(call.headers)) is not None:
            return mocked
        return super().run(call, endpoint, failing)

    def restore(self, line: Line) -> None:
        self._shop.restore(line)

    def due(self, what: str, object_id: str) -> None:
        self._pulled.due(what, object_id)

    # Webhooks

    def posted(self, notice: Notice, now_s: float) -> tuple[Mapping[str, str], bytes]:
        """Every try of a webhook is the same transmission."""
        body, once = notice.body.encode(), notice.about
        webhook_id = self.stage.settings.secrets["SIM_WEBHOOK_ID"]
        return {
            "Content-Type": "application/json",
            "PAYPAL-TRANSMISSION-ID": once["transmission"],
            "PAYPAL-TRANSMISSION-TIME": once["time"],
            "PAYPAL-TRANSMISSION-SIG": self._signer.signature(
                once["transmission"], once["time"], webhook_id, body
            ),
            "PAYPAL-CERT-URL": f"{self.stage.public_url}{certificates.PATH}{self._signer.name}",
            "PAYPAL-AUTH-ALGO": certificates.ALGORITHM,
        }, body

    def retry_after_s(self, tries: int, status: int | None) -> float | None:
        return WAITS_S[tries - 1] if tries <= len(WAITS_S) else None

    # Levers

    def settle(self, object_id: str, to: str) -> None:
        self._pulled.settle(object_id, to)

    def approve(self, object_id: str) -> None:
        self._pulled.approve(object_id)

    def reject(self, object_id: str) -> None:
        self._pulled.reject(object_id)

    def charge_back(self, object_id: str, minor: int) -> None:
        self._pulled.charge_back(object_id, minor)

    def decide_refund(self, object_id: str, *, succeeds: bool) -> None:
        self._pulled.decide_refund(object_id, succeeds=succeeds)

    def decide_payout(self, object_id: str, *, succeeds: bool) -> None:
        self._pulled.decide_payout(object_id, succeeds=succeeds)

    def return_payout(self, object_id: str) -> None:
        self._pulled.return_payout(object_id)

    def levers(self) -> Mapping[str, Mapping[str, Handler]]:
        def revoke(call: Call) -> Answer:
            return json_answer(200, {"revoked": self._tokens.revoke()})

        return {
            "/tokens/revoke": {"POST": revoke},
            "/tokens": {"GET": lambda call: json_answer(200, {"given": self._tokens.given})},
        }

    # For people

    def guide(self) -> tuple[Section, ...]:
        return guide.SECTIONS

    def ready(self) -> Mapping[str, Any]:
        return {"ca_file": str(self._ca)}

    def _certificate(self, call: Call) -> Answer:
        return Answer(200, self._signer.chain, PEM)


def _beside(ledger: Path) -> Path:
    return ledger.with_name(f"{ledger.name}.webhook.pem")
