"""The report on this machine: a page that is made anew at every save of the model's file."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.cli.watch import Watcher
    from shapescope.render.report import RunView
    from shapescope.session import Request

HOST = "127.0.0.1"
_PATIENCE = 15.0  # seconds after which a silent listener is sent a sign of life


class Board:
    """The newest page, and those who wait for the next one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._page = b""
        self.number = 0
        self.closed = False

    def put(self, page: str) -> None:
        """Show a new page; everybody who waits is told."""
        with self._changed:
            self._page = page.encode()
            self.number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def page(self) -> bytes:
        """The newest page."""
        with self._changed:
            return self._page

    def wait(self, number: int, seconds: float) -> int:
        """Wait until there is a page after `number`, but not for ever; the newest number."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self.number != number, seconds)
            return self.number


class Server(ThreadingHTTPServer):
    """Serves one page and one stream of events, to this machine alone."""

    daemon_threads = True

    def __init__(self, board: Board, port: int) -> None:
        self.board = board
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer `/` with the page and `/events` with a line at every change."""
        host = (self.headers.get("Host") or "").partition(":")[0]
        if host not in (HOST, "localhost"):
            self.send_error(403)  # a name that leads here from elsewhere is no reader of ours
        elif self.path in ("/", "/index.html"):
            self._page()
        elif self.path == "/events":
            self._events()
        else:
            self.send_error(404)

    def _page(self) -> None:
        page = self.server.board.page
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page)

    def _events(self) -> None:
        board = self.server.board
        # Before the reader hears that it is listened to: no change may fall in between.
        known = board.number
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        try:
            while not board.closed:
                newest = board.wait(known, _PATIENCE)
                sign = f"event: changed\ndata: {newest}\n\n" if newest != known else ": here\n\n"
                self.wfile.write(sign.encode())
                self.wfile.flush()
                known = newest
        except (BrokenPipeError, ConnectionResetError):
            return  # the reader closed the page

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep quiet: a line for each request helps nobody."""


def serve_report(request: Request, view: RunView | None, port: int) -> int:
    """Serve the report until it is interrupted.

    Raises:
        ShapescopeError: the port is taken, or the model cannot be had to begin with.
    """
    from shapescope.cli.watch import Watcher

    watcher = Watcher(request.model, request.inputs, request.train)
    watcher.look()
    if watcher.problem is not None:
        raise watcher.problem
    board = Board()
    try:
        server = Server(board, port)
    except OSError as error:
        raise ShapescopeError(
            f"port {port} cannot be used: {(error.strerror or str(error)).lower()}",
            advice=("--port 0 takes a free one",),
        ) from error
    board.put(page_of(watcher, view))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        print(f"http://{HOST}:{server.server_address[1]}/", flush=True)
        _follow(watcher, view, board)
    except KeyboardInterrupt:
        pass  # this is how it is ended
    finally:
        board.close()
        server.shutdown()
        server.server_close()
    return 0


def _follow(watcher: Watcher, view: RunView | None, board: Board) -> None:
    """Make the page anew whenever one of the model's files is saved."""
    if not watcher.files:
        _note("no file of yours to follow; stop it with Ctrl-C")
        threading.Event().wait()
    _note(f"it follows {', '.join(sorted(file.name for file in watcher.files))}; Ctrl-C ends it")
    from shapescope.cli.watch import saves

    rounds = watcher.rounds(saves)
    next(rounds)  # what is there now is shown already
    for _ in rounds:
        board.put(page_of(watcher, view))
        failed = watcher.result is None or watcher.result.failed
        _note("made anew: the model fails" if failed else "made anew")


def page_of(watcher: Watcher, view: RunView | None) -> str:
    """The page of what was seen last; what is wrong with the file itself is shown on it."""
    from shapescope.render.report import report_html
    from shapescope.session import unbuilt

    if watcher.result is not None:
        return report_html(watcher.result, view, served=True)
    problem = watcher.problem or ShapescopeError(f"{watcher.model} cannot be read")
    return report_html(unbuilt(watcher.model, problem), view, served=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
