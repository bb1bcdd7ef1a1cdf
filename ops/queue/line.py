"""Line: a connection to Redis for what is asked with every batch.

The library's own way to ask costs more than all that Redis does with it. So the library connects,
with whatever the URL says of hosts, passwords and TLS; questions and answers are ours.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

import hiredis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TooLate

Command: TypeAlias = tuple[str | bytes | int, ...]
#: hiredis' own name for one is narrower than what it takes.
_pack: Final[Callable[[Command], bytes]] = cast("Any", hiredis.pack_command)

#: Questions on their way; more are refused, because a Redis so far behind is none.
MAX_UNDER_WAY: Final = 1_000
#: A connection that owes an answer for longer than this (seconds) is given up for a new one.
SILENCE_S: Final = 0.5


class Asking(Protocol):
    """Who can be asked."""

    async def ask(self, commands: Sequence[Command], /) -> list[Any]:
        """Return the answers to some commands; what Redis refuses is answered by an exception.

        Raises redis.RedisError; some may have been done all the same.
        """


class Line:
    """Asks over one connection, which is made when it is needed and anew when it was lost.

    What is asked in one turn of the loop leaves together.
    """

    def __init__(self, url: str, patience_s: float) -> None:
        """Connecting takes no longer than `patience_s`."""
        self._patience_s = patience_s
        # An answer must be one: in the older protocol nothing comes that was not asked for.
        self._pool = redis.asyncio.ConnectionPool.from_url(
            url,
            protocol=2,
            socket_connect_timeout=patience_s,
            socket_timeout=patience_s,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
        )
        self._talk: _Talk | None = None
        self._connecting = asyncio.Lock()

    def within(self, patience_s: float) -> Asking:
        """Return who asks over this line, and hears after `patience_s` that it was in vain."""
        return _Within(self, patience_s)

    async def ask(self, commands: Sequence[Command], patience_s: float) -> list[Any]:
        """See `Asking`."""
        talk = self._talk
        if talk is None or talk.over or talk.is_silent():
            talk = await self._connected()
        return await talk.ask(commands, patience_s)

    def close(self) -> None:
        """Hang up; the next question calls again."""
        if self._talk is not None:
            self._talk.end(NotConnected("closed here"))
            self._talk = None

    async def _connected(self) -> _Talk:
        async with self._connecting:
            if self._talk is not None and not self._talk.over:
                return self._talk  # somebody else has connected meanwhile
            connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                async with asyncio.timeout(self._patience_s):
                    await connection.connect()
            except (OSError, TimeoutError) as error:
                raise NotConnected(type(error).__name__) from None
            writer, connection._reader, connection._writer = connection._writer, None, None
            assert writer is not None, "it is connected"
            self._talk = _Talk(writer)
            writer.transport.set_protocol(self._talk)
            return self._talk


@dataclass(frozen=True, slots=True)
class _Within:
    line: Line
    patience_s: float

    async def ask(self, commands: Sequence[Command], /) -> list[Any]:
        return await self.line.ask(commands, self.patience_s)


class OnClient:
    """Asks by the library: for a Redis in memory, or one that is asked now and then."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def ask(self, commands: Sequence[Command], /) -> list[Any]:
        """See `Asking`."""
        async with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute(raise_on_error=False))


class Script:
    """A script that Redis keeps, and is told again when it has forgotten it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, asked: Asking, calls: Sequence[Command]) -> list[Any]:
        """Return the answers to some calls, in one round trip or two.

        A call is the number of keys, the keys and the arguments. Raises redis.RedisError.
        """
        answers = await asked.ask([("EVALSHA", self._sha, *call) for call in calls])
        # A script that is not known has done nothing, so it may simply be sent.
        unknown = [at for at, said in enumerate(answers) if isinstance(said, NoScriptError)]
        if unknown:
            sent = await asked.ask([("EVAL", self._text, *calls[at]) for at in unknown])
            for at, said in zip(unknown, sent, strict=True):
                answers[at] = said
        for said in answers:
            if isinstance(said, RedisError):
                raise said
        return answers


class _Talk(asyncio.Protocol):
    """One connection's questions, each answered in its turn."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer  # it would close the connection when nobody knows it any more
        self._transport = writer.transport
        self._reader = hiredis.Reader(replyError=_refusal)
        self._asked: deque[_Question] = deque()
        self._leaving: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self.over = self._transport.is_closing()

    def is_silent(self) -> bool:
        """Whether it does not answer any more; it is given up then."""
        if self._asked and self._loop.time() - self._asked[0].asked_at > SILENCE_S:
            self.end(NotConnected("the connection is silent"))
        return self.over

    async def ask(self, commands: Sequence[Command], patience_s: float) -> list[Any]:
        if len(self._asked) >= MAX_UNDER_WAY:
            raise NotConnected("too many questions are under way")
        packed = [_pack(one) for one in commands]  # what cannot be said is not waited for
        question = _Question(self._loop, len(commands))
        self._asked.append(question)
        if not self._leaving:
            self._loop.call_soon(self._send)
        self._leaving += packed
        late = self._loop.call_later(patience_s, question.fail, TooLate("no answer in time"))
        try:
            return await question.answered
        finally:
            late.cancel()

    def _send(self) -> None:
        leaving, self._leaving = self._leaving, []
        if not self.over:
            self._transport.write(b"".join(leaving))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not False:
                self._asked[0].take(answer)
                if not self._asked[0].left:
                    self._asked.popleft()
        except (hiredis.ProtocolError, IndexError) as error:
            self.end(NotConnected(f"not an answer: {type(error).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.end(NotConnected("the connection was lost"))

    def end(self, error: RedisError) -> None:
        """Tell everybody who waits."""
        self.over = True
        self._transport.abort()
        while self._asked:
            self._asked.popleft().fail(error)


def _refusal(text: str) -> ResponseError:
    return (NoScriptError if text.startswith("NOSCRIPT") else ResponseError)(text)


class _Question:
    """Commands that went out together."""

    __slots__ = ("answered", "answers", "asked_at", "left")

    def __init__(self, loop: asyncio.AbstractEventLoop, commands: int) -> None:
        self.answered: asyncio.Future[list[Any]] = loop.create_future()
        self.answers: list[Any] = []
        self.asked_at = loop.time()
        self.left = commands

    def take(self, answer: Any) -> None:
        self.answers.append(answer)
        self.left -= 1
        if not self.left and not self.answered.done():
            self.answered.set_result(self.answers)

    def fail(self, error: RedisError) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)
