"""Drives the cells of the provider matrix: prepares, scripts the fault, asks, approves, and reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from tests.e2e import ledgers
from tests.e2e.provider_cells import TAKES, Cell, Seen, wanted
from tests.e2e.provider_tills import TILLS, mark_of_charge
from tests.e2e.system import FINAL, Json, System, eventually
from tests.e2e.test_payers import press

#: How long a scripted fault holds things up: less than the deadline, or for good.
HELD_BACK_MS = {"latency": 400, "webhook_late": 100_000}
#: While a first call is held back for this long, the second one's fault is scripted. Less than the
#: deadline of a call, and long for a machine that others keep busy.
GAP_MS = 2_000
#: What the simulator sends by itself, when time has passed, is about no request.
BY_ITSELF = "other"
#: What the tables call the gateways that come after the one that failed.
LETTERS: Mapping[str, str] = {"sandbox-a": "a", "sandbox-b": "b", "stripe-eu": "s"}
#: Doors that are shut together; stripe-eu is asked next where paypal-eu fails.
TOGETHER = (("stripe-eu", "midtrans-id", "xendit-id", "soapbank-ch"), ("paypal-eu",))
#: A cell that is not there by then says so in its own test.
STEP_S = 30.0
#: By then a fault has struck, or its cell is played again.
UNMET_S = 8.0
THREADS = 12


@dataclass(slots=True)
class Driver:
    """Runs cells against a running system."""

    system: System
    #: What each cell's rules strike: which requests, and saying what.
    scripts: dict[Cell, set[tuple[str, str]]] = field(default_factory=dict)
    #: Cells whose fault has struck nothing.
    unmet: set[Cell] = field(default_factory=set)
    #: Cells that did not get as far as their fault, and why.
    missed: dict[Cell, str] = field(default_factory=dict)

    def run(self, cells: Sequence[Cell]) -> dict[Cell, str]:
        """Let cells meet their faults side by side; each strikes only what names its cell."""
        ids: dict[Cell, str] = {}
        for take in range(len(TAKES)):
            left = [replace(cell, take=take) for cell in cells if not take or cell in self.unmet]
            with ThreadPoolExecutor(THREADS) as pool:
                ids |= zip(left, pool.map(self._played, left), strict=True)
            with suppress(AssertionError):
                eventually(lambda: not self._unmet(), UNMET_S)
            self.unmet = self._unmet()
        return {cell: id_ for cell, id_ in ids.items() if id_}

    def run_at_shut_doors(self, cells: Sequence[Cell]) -> dict[Cell, str]:
        """Close the providers' ports for these cells; nothing else runs meanwhile."""
        ids: dict[Cell, str] = {}
        for gateways in TOGETHER:
            shut = {
                gateway: [one for one in cells if one.gateway == gateway] for gateway in gateways
            }
            with ThreadPoolExecutor(len(shut)) as pool:
                for met in pool.map(self._run_at_a_shut_door, shut, shut.values()):
                    ids |= met
        return ids

    def _unmet(self) -> set[Cell]:
        """Return whose faults still wait to strike; used-up rules may be gone by now."""
        still = {
            (gateway, rule["fault"], rule["on"], rule["containing"])
            for gateway in TILLS
            for rule in self.system.admin("GET", gateway, "/faults")["data"]
            if not rule["struck"]
        }
        waiting = {
            cell
            for cell, rules in self.scripts.items()
            if all((cell.gateway, cell.fault, *rule) in still for rule in rules)
        }
        return waiting | self.missed.keys()

    def _unasked(self, ids: Mapping[Cell, str]) -> set[Cell]:
        """Return who has not met the shut door yet."""
        keys = {key(id_): cell for cell, id_ in ids.items()}
        met = {keys[row["id"].hex] for row in ledgers.unsent(self.system, list(keys))}
        return set(ids) - met

    def _run_at_a_shut_door(self, gateway: str, cells: Sequence[Cell]) -> dict[Cell, str]:
        """Close one provider's port until each of these cells has met that."""
        with ThreadPoolExecutor(THREADS // 4) as pool:
            ready = list(pool.map(self._prepared, cells))
            self.system.fault(gateway, "refuse")
            ids = dict(zip(cells, pool.map(self._asked, cells, ready), strict=True))
            with suppress(AssertionError):
                eventually(lambda: not self._unasked(ids), STEP_S)
            self.unmet |= self._unasked(ids)
            self.system.admin("DELETE", gateway, "/faults")
            list(pool.map(self._approved, cells, ids.values()))
        return ids

    def seen(self, ids: Mapping[Cell, str]) -> dict[Cell, Seen]:
        """Read what became of the cells."""
        rows = ledgers.endings(self.system, [key(id_) for id_ in ids.values()])
        seen = {cell: self._seen(cell, rows[key(id_)]) for cell, id_ in ids.items()}
        return seen | {cell: (f"never met: {why}", None) for cell, why in self.missed.items()}

    def until_over(self, ids: Mapping[Cell, str], within_s: float) -> None:
        """Wait until each cell is as it should be; if not, its own test tells."""
        right = {cell: wanted(cell) for cell in ids}
        with suppress(AssertionError):
            eventually(lambda: self.seen(ids) == right, within_s)

    def _seen(self, cell: Cell, row: Json) -> Seen:
        if cell in self.unmet:
            return "never met", None
        word = str(row["parked"] or row["status"]).removeprefix("amount_")
        gateway = row["gateway_id"]
        if gateway != cell.gateway and word in ("captured", "authorized", "succeeded"):
            word += f"@{LETTERS[gateway]}"
        return word, row["sums"] and tuple(row["sums"])

    # One cell

    def _played(self, cell: Cell) -> str:
        """Let a cell meet its fault; return nothing if its money went another way before."""
        try:
            id_ = self._met(cell)
        except AssertionError as error:
            self.missed[cell] = str(error)
            return ""
        self.missed.pop(cell, None)
        return id_

    def _met(self, cell: Cell) -> str:
        till, id_ = TILLS[cell.gateway], self._prepared(cell)
        if id_:
            (charge,) = self._attempts(id_)
            name = charge["provider_id"]
            mark = mark_of_charge(self.system, cell, name)
            told = till.told(cell, mark) if cell.operation.on == "refund" else name
            self._script(cell, mark, told)
            return self._asked(cell, id_)
        if self._waits_for_a_name(cell):
            return self._named_first(cell)
        mark = till.paid_to(cell) if cell.operation.on == "payout" else cell.mark
        self._script(cell, mark, till.told(cell, cell.mark))
        id_ = ledgers.left(self.system, self._asked(cell, ""))
        self._approved(cell, id_)
        return id_

    def _prepared(self, cell: Cell) -> str:
        """Bring a payment to where the operation starts from; return its id, or nothing for new
        money. One that went elsewhere, because its call came late, is left alone."""
        if not cell.operation.path:
            return ""
        ready = "authorized" if cell.operation.held else "captured"
        for _ in TAKES:
            id_ = self._charge(cell)
            self._approved(cell, id_)
            status = self.system.settled(id_, ready, *FINAL)["status"]
            tried = self._attempts(id_)
            if status == ready and [one["gateway_id"] for one in tried] == [cell.gateway]:
                return id_
        raise AssertionError(f"{cell} has no payment to begin with: {status} {tried}")

    def _asked(self, cell: Cell, id_: str) -> str:
        """Ask for the operation that is to meet the fault; return the payment's or payout's id."""
        operation = cell.operation
        if operation.on == "charge":
            return self._charge(cell)
        if operation.on == "payout":
            return self._payout(cell)
        part = {"amount": cell.asked} if operation.part else {}
        why = {"reason": "matrix"} if operation.on == "refund" else {}
        self._post(operation.path.format(id_), part | why)
        return id_

    def _named_first(self, cell: Cell) -> str:
        """The second call names only what the first one has made: script its fault in between."""
        till = TILLS[cell.gateway]
        if not till.asks:
            gap = {"on": cell.operation.on, "step": "make", "count": 1, "ms": GAP_MS}
            self.system.fault(cell.gateway, "latency", **gap, containing=till.paid_to(cell))
        id_ = self._asked(cell, "")
        if till.asks:
            self.system.settled(id_, "requires_action")
        name = eventually(lambda: self._object(cell, id_), UNMET_S, lambda: f"{cell} made nothing")
        self._script(cell, name, name)
        self._approved(cell, id_)
        return id_

    def _object(self, cell: Cell, id_: str) -> str | None:
        """Return the id of what the first call has made, from the simulator's own ledger."""
        attempts = self._attempts(id_)
        if not attempts:
            return None
        about = attempts[0]["id"].hex
        lines = self.system.admin("GET", cell.gateway, f"/ledger?about={about}")["data"]
        return str(lines[0]["object"]) if lines else None

    def _waits_for_a_name(self, cell: Cell) -> bool:
        till, operation = TILLS[cell.gateway], cell.operation
        if operation.step != "move":
            return False
        return till.asks if operation.on == "charge" else operation.on in till.splits

    def _script(self, cell: Cell, mark: str, told: str) -> None:
        """Script a cell's fault for the request that says `mark`, or the webhooks that say `told`."""
        rule: Json = {"on": cell.operation.on, "count": 1, "containing": mark}
        if cell.operation.on in TILLS[cell.gateway].splits:
            rule["step"] = cell.operation.step
        if (ms := HELD_BACK_MS.get(cell.fault)) is not None:
            rule["ms"] = ms
        rules = [rule]
        if cell.fault.startswith("webhook"):
            rule["containing"] = told
            if cell.fault != "webhook_out_of_order":  # which needs a next one that it comes after
                del rule["count"]
            if cell.operation.on == "payout":
                by_itself = {name: rule[name] for name in rule if name != "step"}
                rules.append(by_itself | {"on": BY_ITSELF})
        for one in rules:
            self.system.fault(cell.gateway, cell.fault, **one)
        self.scripts[cell] = {(one["on"], one["containing"]) for one in rules}

    def _approved(self, cell: Cell, id_: str) -> None:
        """Be the payer: approve whenever the provider asks, until the payment is over."""
        asked = TILLS[cell.gateway].asks or cell.fault == "asks"
        if not id_.startswith("pay_") or not asked:
            return

        def over() -> bool:
            payment = self.system.payment(id_)
            if payment["status"] == "requires_action":
                for charge in self._attempts(id_):
                    self._approve(payment, charge)
            elif payment["status"] in (*FINAL, "authorized") or payment["parked"]:
                return True
            return False

        with suppress(AssertionError):
            eventually(over, STEP_S)

    def _approve(self, payment: Json, charge: Json) -> None:
        if charge["state"] != "requires_action":
            return
        with suppress(AssertionError):  # it may have been approved already
            if charge["gateway_id"] in TILLS:
                path = f"/objects/{charge['provider_id']}/approve"
                self.system.admin("POST", charge["gateway_id"], path)
            elif payment["next_action"]:
                press(self.system, payment["next_action"]["url"], "approve")

    def _charge(self, cell: Cell) -> str:
        till = TILLS[cell.gateway]
        body = {
            "amount": cell.whole,
            "currency": till.currency,
            "country": till.country,
            "provider_preference": cell.gateway,
            "payment_method": till.pays(cell),
            "capture_method": "manual" if cell.operation.held else "automatic",
            "description": cell.mark,
            "return_url": f"https://shop.example/{cell.mark}",
        }
        return str(self._post("/v1/payments", body)["id"])

    def _payout(self, cell: Cell) -> str:
        till = TILLS[cell.gateway]
        body = {
            "user_id": cell.mark,
            "amount": cell.whole,
            "currency": till.currency,
            "country": till.country,
            "provider_preference": cell.gateway,
            "destination": till.destination(cell),
            "description": cell.mark,
        }
        return str(self._post("/v1/withdrawals", body)["id"])

    def _post(self, path: str, body: Json) -> Json:
        answer = self.system.call("POST", path, body)
        assert answer.status == 202, (path, body, answer.status, answer.data)
        return dict(answer.json())

    def _attempts(self, id_: str) -> list[Json]:
        return self.system.sql(
            "SELECT id, gateway_id, provider_id, state FROM payment_attempts"
            " WHERE %s IN (payment_id, payout_id) AND operation IN ('charge', 'payout')"
            " ORDER BY number",
            [key(id_)],
        )


def key(id_: str) -> str:
    """Return an id of the API as the database has it."""
    return id_.partition("_")[2]
