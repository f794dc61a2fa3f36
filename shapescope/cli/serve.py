"""The report on this machine: a page that is made anew at every save of the model's file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.cli.session import Request
    from shapescope.render.report import RunView

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
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        known = board.number
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
        ShapescopeError: the port is taken, or the model has no file that could be saved.
    """
    board = Board()
    files = _render(request, view, board)
    try:
        server = Server(board, port)
    except OSError as error:
        raise ShapescopeError(
            f"port {port} cannot be used: {(error.strerror or str(error)).lower()}",
            advice=("--port 0 takes a free one",),
        ) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    print(f"http://{HOST}:{server.server_address[1]}/", flush=True)
    _note("it follows every save; stop it with Ctrl-C")
    try:
        _follow(request, view, board, files)
    except KeyboardInterrupt:
        pass
    finally:
        board.close()
        server.shutdown()
        server.server_close()
    return 0


def _follow(request: Request, view: RunView | None, board: Board, files: frozenset[Path]) -> None:
    """Make the page anew whenever one of the files is saved."""
    from watchfiles import watch

    if not files:
        threading.Event().wait()
    while True:
        folders = {file.parent for file in files}
        for changes in watch(*folders, recursive=False, debounce=80):
            if any(Path(name).resolve() in files for _, name in changes):
                files = _render(request, view, board) | files
                break


def _render(request: Request, view: RunView | None, board: Board) -> frozenset[Path]:
    """Trace, put the page up, and tell which files it was made of.

    What is wrong with the file while it is being edited is shown on the page, not raised.
    """
    from shapescope.render.report import report_html
    from shapescope.session import run_trace, unbuilt

    named = _named_file(request.model)
    try:
        result = run_trace(request)
    except ShapescopeError as error:
        if board.number == 0:
            raise
        result = unbuilt(request.model, error)
    board.put(report_html(result, view, served=True))
    if board.number > 1:
        _note("made anew" if not result.failed else "made anew: the model fails")
    spans = (step.call_site for step in result.trace.steps)
    return _own_files([named, *(Path(span.file) for span in spans if span is not None)])


def _named_file(model: str) -> Path | None:
    """The file in a MODEL such as `net.py:Net(10)`; None where it names no file."""
    head = model.partition("(")[0]
    path = Path(head.rpartition(":")[0] if ".py:" in head else head)
    return path if path.suffix == ".py" and path.is_file() else None


def _own_files(paths: Iterable[Path | None]) -> frozenset[Path]:
    """Those that the user may edit: not what is installed."""
    found = {path.resolve() for path in paths if path is not None and path.is_file()}
    return frozenset(path for path in found if "site-packages" not in path.parts)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
