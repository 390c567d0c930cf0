"""An HTTP server that answers with whatever bytes a test has for it, from the status line on."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

Reply: TypeAlias = Callable[[str], Iterable[bytes]]
"""What to answer to a request for a path, piece by piece."""


@dataclass
class LyingServer:
    """Answers every request alike.

    asked : the paths, in their order
    sent : how many bytes were written, until the other side hung up
    """

    reply: Reply
    asked: list[str] = field(default_factory=list)
    sent: int = 0

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Serve a request."""
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append(handler.path)
        handler.close_connection = True
        for piece in self.reply(handler.path):
            handler.wfile.write(piece)
            self.sent += len(piece)


@contextmanager
def serving(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Serve; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            handle(self)

        do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Nobody wants to read it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """The client has hung up, as it should."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
