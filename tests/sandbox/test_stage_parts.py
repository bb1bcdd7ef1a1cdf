"""The parts of a stage by themselves: paths, keys, pages, and what happens when it is full."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from ops.sandbox.replies import Answer, json_answer
from ops.sandbox.stage import pages
from ops.sandbox.stage import stage as stages
from ops.sandbox.stage.command import settings
from ops.sandbox.stage.execution import Front
from ops.sandbox.stage.keys import Keys
from ops.sandbox.stage.routing import NoMethodError, NoPathError, Router
from ops.sandbox.stage.stage import Stage
from ops.sandbox.wire import Request
from tests.sandbox.toy import Toy
from tests.sandbox.toys import KEY

T = TypeVar("T")


def on_stage(ledger: Path, work: Callable[[Stage, Toy], Awaitable[T]], *options: str) -> T:
    """Run something on a stage of this process."""
    line = ["--name", "t", "--port", "0", "--admin-port", "0", "--ledger", str(ledger), *options]

    async def run() -> T:
        stage = Stage(settings(Toy, line, {"SIM_SECRET_KEY": KEY}))
        toy = Toy(stage)
        stage.rebuild(toy)
        try:
            return await work(stage, toy)
        finally:
            await stage.close()

    return asyncio.run(run())


def a_request(method: str, path: str, body: bytes = b"") -> Request:
    headers = {"authorization": f"Bearer {KEY}"}
    return Request(method, path, "", headers, body, asyncio.Event(), keep_alive=True)


def test_a_path_has_several_names_and_a_literal_path_wins() -> None:
    router = Router(
        {
            "/orders/{order}/items/{item}": {"GET": "item", "POST": "add"},
            "/orders/{order}/items/all": {"DELETE": "clear"},
            "/orders/new/items/all": {"GET": "new"},
        }
    )
    assert router.find("GET", "/orders/7/items/a%2Fb") == ("item", {"order": "7", "item": "a/b"})
    assert router.find("HEAD", "/orders/7/items/8")[0] == "item"
    assert router.find("DELETE", "/orders/7/items/all") == ("clear", {"order": "7"})
    assert router.find("GET", "/orders/new/items/all") == ("new", {})
    with pytest.raises(NoMethodError, match=r"^DELETE, GET, POST$"):
        router.find("PUT", "/orders/7/items/all")
    for path in ("/orders/7", "/orders//items/8", "/orders/7/items/8/", "orders/7/items/8"):
        with pytest.raises(NoPathError):
            router.find("GET", path)


@contextmanager
def at(monkeypatch: pytest.MonkeyPatch, now_s: float) -> Iterator[None]:
    """Have it be this time."""
    with monkeypatch.context() as patched:
        patched.setattr("ops.sandbox.stage.keys.time.time", lambda: now_s)
        yield


def test_a_key_is_forgotten_when_its_window_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(stage: Stage, _: Toy) -> None:
        keys = Keys(stage, window_s=60)
        with at(monkeypatch, 1000):
            keys.save("a", "f", Answer(402, b"no", "text/plain", {"X": "y"}), object="ch_1")
        with at(monkeypatch, 1059):
            found = keys.find("a")
            assert found is not None
            assert found.answer == Answer(402, b"no", "text/plain", {"X": "y"})
            assert (found.fingerprint, found.object) == ("f", "ch_1")
            assert keys.find("b") is None
        with at(monkeypatch, 1061):
            assert keys.find("a") is None
            keys.save("a", "g", json_answer(200, {}))
            again = keys.find("a")
            assert again is not None
            assert again.fingerprint == "g"

    on_stage(tmp_path / "l", work)


def test_a_full_ledger_refuses_changes_and_still_answers_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(stage: Stage, toy: Toy) -> list[int]:
        front = Front(stage, toy)
        order = json.dumps({"reference": "r", "amount": 1, "currency": "EUR"}).encode()
        made = await front(a_request("POST", "/charges", order))
        assert isinstance(made, Answer)
        monkeypatch.setattr(stages, "LINE_LIMIT", 1)
        id_ = json.loads(made.body)["id"]
        more = [
            await front(a_request("POST", "/charges", order)),
            await front(a_request("GET", f"/charges/{id_}")),
            await front(a_request("POST", "/token")),
        ]
        return [one.status for one in (made, *more) if isinstance(one, Answer)]

    assert on_stage(tmp_path / "l", work) == [200, 503, 200, 200]


def test_a_handler_that_breaks_loses_its_answer_and_not_what_it_wrote(tmp_path: Path) -> None:
    ledger = tmp_path / "l"

    async def work(stage: Stage, _: Toy) -> None:
        def breaks() -> None:
            stage.record("made", object="toy_1", reference="r", state={"id": "toy_1"})
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await stage.act(breaks)

    on_stage(ledger, work)
    assert [json.loads(line)["object"] for line in ledger.read_text().splitlines()] == ["toy_1"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"decision=approve", "approve"),
        (b"decision=decline", "decline"),
        (b"decision=perhaps", None),
        (b"", None),
        (b"\xff\xfe", None),
    ],
)
def test_a_payer_has_two_buttons(body: bytes, said: str | None) -> None:
    assert pages.decision(body) == said


def test_the_last_page_leads_back_and_runs_nobodys_script() -> None:
    shown = pages.ended("Paid <b>", {"For": "<i>"}, 'https://shop.example/?a=1&b="').body
    assert b"Paid &lt;b&gt;" in shown
    assert b"<i>" not in shown
    assert b'href="https://shop.example/?a=1&amp;b=&quot;"' in shown
    assert b"You can close this page" in pages.ended("Paid", {}).body
