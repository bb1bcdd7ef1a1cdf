"""Demo: scripted checkouts against the running system, watched until each has settled."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer
import urllib3
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from domain.payment import FINAL, Status
from ops.cli.refusals import Refusal
from ops.cli.scenes import PARKED, SCENES, Scene
from ops.cli.show import cell, note, screen, state, table
from ops.cli.where import data_folder, find_running
from ops.settings import BadSettings

#: Until everything must have settled: the longest scene waits for a look-up after 5 s.
LIMIT_S: Final = 60.0
POLL_S: Final = 0.25
#: One request of ours; the door answers at once or not at all.
HTTP_S: Final = 10.0

_SETTLED: Final = frozenset({*FINAL, Status.REQUIRES_ACTION})


@dataclass(slots=True)
class Played:
    """One scene as it goes."""

    scene: Scene
    began: float
    id: str = ""
    status: str = "sending"
    gateway: str | None = None
    attempts: Sequence[Mapping[str, Any]] = ()
    #: Where the payer is asked to go.
    url: str = ""
    notes: list[str] = field(default_factory=list)
    settled_s: float | None = None
    #: Its key was answered in two ways.
    two_answers: bool = False

    @property
    def as_told(self) -> bool:
        """Whether it ended as its scene says."""
        ends = (self.status, self.gateway) == (self.scene.ends, self.scene.gateway)
        return ends and not self.two_answers


class Shop:
    """A merchant's side of the API."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._http = urllib3.PoolManager(
            timeout=HTTP_S, retries=False, ca_certs=os.environ.get("TLS_CERT_FILE") or None
        )

    def checkout(self, body: Mapping[str, Any], key: str) -> urllib3.BaseHTTPResponse:
        """Post a checkout under an idempotency key."""
        return self._call("POST", "/v1/checkout", json.dumps(body).encode(), key)

    def read(self, path: str) -> dict[str, Any]:
        """Read what must be there."""
        answer = self._call("GET", path)
        if answer.status != 200:
            raise _unexpected(answer, f"GET {path}")
        return dict(answer.json())

    def _call(
        self, method: str, path: str, body: bytes | None = None, key: str = ""
    ) -> urllib3.BaseHTTPResponse:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        try:
            answer = self._http.request(method, self.url + path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            reason = f"{self.url} does not answer ({type(error).__name__})"
            raise Refusal("--url", reason, "start `paylink up` (make run), or name it") from None
        if answer.status == 401:
            fix = "use the key that `paylink up` shows, or unset DEMO_API_KEY"
            raise Refusal("DEMO_API_KEY", f"{self.url} does not know this key", fix)
        return answer


def demo(
    url: Annotated[
        str, typer.Option(metavar="URL", help="The system's address. Else: the running one's.")
    ] = "",
) -> None:
    """Post scripted checkouts to the running system and watch what becomes of them.

    Declines, lost answers, 3-D Secure, replays: the simulators play each part. Takes at most a
    minute. Exit code 1 if one did not end as it must. Uses DEMO_API_KEY, or the folder's own key.
    """
    shop = _shop(url)
    run = secrets.token_hex(4)
    played: list[Played] = []
    out = screen()
    with Live(_board(played), console=out, refresh_per_second=8, transient=out.is_terminal) as live:
        for number, scene in enumerate(SCENES):
            played.append(_begin(shop, scene, f"demo-{run}-{number}"))
            live.update(_board(played))
        deadline = time.monotonic() + LIMIT_S
        while any(one.settled_s is None for one in played) and time.monotonic() < deadline:
            for one in played:
                _look(shop, one)
            live.update(_board(played))
            time.sleep(POLL_S)
    if out.is_terminal:
        out.print(_board(played))
    out.print(_legend(played))
    if wrong := [one for one in played if not one.as_told]:
        names = ", ".join(one.scene.title for one in wrong)
        fix = f"paylink payments show {wrong[0].id or 'PAYMENT_ID'}"
        raise Refusal("the demo", f"it did not end as it must: {names}", fix)
    note(f"a whole story: paylink payments show {played[1].id}")


def _shop(url: str) -> Shop:
    running = find_running()
    key = os.environ.get("DEMO_API_KEY") or (running.secrets["DEMO_API_KEY"] if running else "")
    if not key:
        raise BadSettings(
            [
                "DEMO_API_KEY is missing: set it, or start `paylink up` (make run); "
                f"there is none in {data_folder()}"
            ]
        )
    port = os.environ.get("APP_PORT") or "8080"
    return Shop(url or (running.url if running else f"http://127.0.0.1:{port}"), key)


def _begin(shop: Shop, scene: Scene, key: str) -> Played:
    """Post the scene's checkout, and its repetitions."""
    body = scene.body(f"tok_{secrets.token_hex(8)}")
    played = Played(scene, time.monotonic())
    answer = shop.checkout(body, key)
    if answer.status != 202:
        raise _unexpected(answer, scene.title)
    played.id = str(answer.json()["id"])
    if scene.repeated:
        again = shop.checkout(body, key)
        other = shop.checkout(body | {"amount": scene.amount + 1}, key)
        same = again.data == answer.data and again.headers.get("Idempotent-Replayed") == "true"
        played.two_answers = not same or other.status != 422
        played.notes.append(f"again: {'the same bytes' if same else 'ANOTHER ANSWER'}")
        played.notes.append(f"other amount: {other.status} {other.json().get('code')}")
    return played


def _look(shop: Shop, played: Played) -> None:
    """Read one payment again, unless it has settled."""
    if played.settled_s is not None:
        return
    path = f"/v1/payments/{played.id}"
    payment = shop.read(path)
    # Read second: an attempt list may be newer than its payment, never older.
    played.attempts = shop.read(f"{path}/attempts")["data"]
    played.status = PARKED if payment["parked"] else str(payment["status"])
    played.gateway = payment["provider"]
    played.url = (payment["next_action"] or {}).get("url", "")
    if payment["failure"]:
        played.notes = [str(payment["failure"]["code"])]
    if payment["parked"]:
        played.notes = [str(payment["parked"]["reason"])]
    if played.status == PARKED or played.status in _SETTLED:
        played.settled_s = time.monotonic() - played.began


def _unexpected(answer: urllib3.BaseHTTPResponse, what: str) -> Refusal:
    try:
        said = answer.json()
        reason = f"{answer.status} {said.get('code', '')} {said.get('detail', '')}".strip()
    except (ValueError, AttributeError):
        reason = f"{answer.status}"
    return Refusal(what, reason, "look at the log of the ingress, in the data folder's logs")


def _board(played: Sequence[Played]) -> Group:
    lines = []
    for one in played:
        took = one.settled_s if one.settled_s is not None else time.monotonic() - one.began
        lines.append(
            (
                one.scene.title,
                state(one.status),
                one.gateway,
                Text("\n").join(map(_attempt, one.attempts)) if one.attempts else Text("-"),
                ", ".join(one.notes),
                f"{took:.1f} s",
            )
        )
    columns = ("checkout", "status", "gateway", "attempts and proof", "", "took")
    urls = [one.url for one in played if one.url]
    return Group(table(columns, lines), *(Text(f"the payer's page: {url}") for url in urls))


def _attempt(row: Mapping[str, Any]) -> Text:
    line = Text.assemble(str(row["gateway"]), " ").append_text(state(row["state"]))
    if row["proof"]:
        because = f", {row['code']}" if row["code"] else ""
        line.append(f" (proof: {row['proof']}{because})", style="dim")
    return line


def _legend(played: Sequence[Played]) -> Table:
    made = Table.grid(padding=(0, 2))
    made.add_row()
    for one in played:
        made.add_row(
            Text("ok" if one.as_told else "NOT", style="green" if one.as_told else "red"),
            cell(one.scene.title),
            cell(one.scene.shows),
        )
    return made
