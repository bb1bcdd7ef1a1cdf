"""A toy of a door with one fault, to see what fuzzing finds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.e2e.system import Json

THING: Final[Json] = {
    "openapi": "3.1.0",
    "info": {"title": "A toy", "version": "1"},
    "paths": {
        "/thing": {
            "get": {
                "operationId": "getThing",
                "parameters": [
                    {
                        "name": "size",
                        "in": "query",
                        "required": True,
                        "schema": {"type": "integer", "minimum": 1, "maximum": 9},
                    }
                ],
                "responses": {
                    "200": {
                        "description": "The thing.",
                        "headers": {"X-Age": {"required": True, "schema": {"type": "integer"}}},
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["size"],
                                    "properties": {"size": {"type": "integer"}},
                                }
                            }
                        },
                    },
                    "422": {"description": "No size."},
                },
            }
        }
    },
}


@contextmanager
def a_toy(fault: str) -> Iterator[str]:
    """Serve the thing as its document says, but for one fault; yields the URL."""

    class Toy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = parse_qs(urlsplit(self.path).query).get("size", [""])[0]
            right = re.fullmatch("[1-9]", size) is not None or fault == "takes anything"
            status = {"crashes": 500, "is a teapot": 418}.get(fault, 200) if right else 422
            body = b"{}" if fault == "forgets a field" else b'{"size": 1}'
            self.send_response(status)
            self.send_header("X-Age", "old" if fault == "ages in words" else "3")
            media = "text/html" if fault == "speaks HTML" else "application/json"
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: every request is in the report."""

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.refuse
            raise AttributeError(name)

        def refuse(self) -> None:
            self.send_response(405)
            self.send_header("Allow", "GET")
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Toy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
