"""A listening socket that can be shut so that connections are refused, and opened again."""

import asyncio

from ops.sandbox.wire import Connection, Handler, Manners

#: More connections than any test opens; beyond it new ones are dropped at once.
CONNECTION_LIMIT = 4096
#: Connections the kernel may hold while we are busy.
BACKLOG = 1024


class Door:
    """One address, one handler, and the connections that came in."""

    def __init__(
        self, host: str, port: int, handler: Handler, manners: Manners | None = None
    ) -> None:
        self._host = host
        self.port = port  #: after the first open() the real one, also if 0 was asked for
        self._handler = handler
        self._manners = manners or Manners()
        self._server: asyncio.Server | None = None
        self._open_ones: set[Connection] = set()

    async def open(self) -> None:
        """Start to listen; nothing happens if it does already. OSError if the port is taken."""
        if self._server is not None:
            return
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._handler, self._open_ones, CONNECTION_LIMIT, self._manners),
            self._host,
            self.port,
            backlog=BACKLOG,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Stop to listen. Idle connections are closed, busy ones after their answer."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._open_ones):
            connection.finish()

    async def drain(self, within_s: float) -> None:
        """Shut, let running requests be answered without further delay, then drop what is left."""
        self.shut()
        for connection in list(self._open_ones):
            connection.finish(hurry=True)
        deadline = asyncio.get_running_loop().time() + within_s
        while self._open_ones and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in list(self._open_ones):
            connection.abort()
