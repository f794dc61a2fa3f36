"""`report`: the page as a file, with a run, and served anew at every save."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from shapescope.cli.serve import HOST, Board, Server

ROOT = Path(__file__).parents[2]


class Ran(Protocol):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def page_data(page: str) -> dict[str, object]:
    """What the page's script reads."""
    found = re.search(r'<script id="trace-data" type="application/json">(.*?)</script>', page)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def test_the_page_is_one_small_file(program: Run, in_folder: Path) -> None:
    done = program("report", "lenet5", "-o", "report.html")
    assert done.code == 0
    assert done.out == ""
    assert re.fullmatch(r"wrote report\.html, [\d.]+ KiB\n", done.err)
    page = (in_folder / "report.html").read_text()
    assert len(page) < 1_000_000
    assert page.startswith("<!doctype html>")
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    data = page_data(page)
    assert data["model"] == "lenet5"
    assert data["failed"] == -1


def test_without_a_file_the_page_is_the_result(program: Run) -> None:
    done = program("report", "network")
    assert done.code == 0
    assert done.out.startswith("<!doctype html>")
    assert done.out == program("report", "network").out


def test_the_page_of_a_failing_model(program: Run, in_folder: Path) -> None:
    done = program("report", "lenet5", "-i", "1,1,28,28", "-o", "report.html")
    assert done.code == 1
    assert "the model fails" in done.err
    page = (in_folder / "report.html").read_text()
    assert "takes 400 features, but 256 arrive" in page
    assert page_data(page)["failed"] == 12


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("lenet5", "--sample"), "`--sample` needs `--run` with it"),
        (("lenet5", "--data-dir", "."), "`--data-dir` needs `--run` with it"),
        (("lenet5", "--serve", "-o", "x.html"), "give one of the two"),
        (("lenet5", "--run", "absent"), "absent holds no run"),
        (("absent.py",), "absent.py"),
    ],
)
def test_wrong_requests(args: tuple[str, ...], said: str, program: Run, in_folder: Path) -> None:
    done = program("report", *args)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err


def test_a_run_is_shown(program: Run, in_folder: Path) -> None:
    trained = program("train", "lenet5", "--sample", "--epochs", "1", "--out", "run")
    assert trained.code == 0, trained.err
    done = program("report", "lenet5", "--run", "run", "-o", "report.html")
    assert done.code == 0, done.err
    page = (in_folder / "report.html").read_text()
    assert len(page) < 1_000_000
    for heading in ("Curves", "Confusion matrix, test images", "Worst mistakes", "Kernels"):
        assert f"<h3>{heading}</h3>" in page
    assert "layer1.0.weight: 6 kernels x 1 input channel" in page
    assert "layer1.0 conv2d: 6 x 28 x 28" in page
    cells = re.findall(r'<td class="(?:right|wrong)[^"]*" style="[^"]*">(\d+)</td>', page)
    assert len(cells) == 100
    assert sum(map(int, cells)) == 500


def test_a_run_whose_images_are_gone_is_shown_without_them(program: Run, in_folder: Path) -> None:
    trained = program("train", "network", "--sample", "--epochs", "1", "--out", "run")
    assert trained.code == 0, trained.err
    done = program("report", "network", "--run", "run", "--data-dir", "nowhere", "-o", "r.html")
    assert done.code == 0, done.err
    page = (in_folder / "r.html").read_text()
    assert "no images, no confusion matrix" in page
    assert "<h3>Kernels</h3>" in page
    assert "<h3>Curves</h3>" in page


# --- serving


@pytest.fixture
def server() -> Iterator[Server]:
    board = Board()
    board.put("first page")
    server = Server(board, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    board.close()
    server.shutdown()
    server.server_close()


def address(server: Server, path: str = "/") -> str:
    return f"http://{HOST}:{server.server_address[1]}{path}"


def test_the_server_shows_the_newest_page(server: Server) -> None:
    with urlopen(address(server), timeout=10) as answer:
        assert answer.read() == b"first page"
        assert answer.headers["Cache-Control"] == "no-store"
    server.board.put("second page")
    with urlopen(address(server, "/index.html"), timeout=10) as answer:
        assert answer.read() == b"second page"


def test_the_server_has_nothing_else(server: Server) -> None:
    with pytest.raises(HTTPError, match="404"):
        urlopen(address(server, "/etc/passwd"), timeout=10)


def test_the_server_answers_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    asked = Request(address(server), headers={"Host": "evil.example"})
    with pytest.raises(HTTPError, match="403"):
        urlopen(asked, timeout=10)


def test_listeners_hear_of_changes(server: Server) -> None:
    with urlopen(address(server, "/events"), timeout=10) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        server.board.put("second page")
        assert stream.readline() == b"event: changed\n"
        assert stream.readline() == b"data: 2\n"


class Told:
    """What a process says on a stream, read as it comes."""

    def __init__(self, stream: IO[str]) -> None:
        self.lines: list[str] = []
        self._seen = 0
        self._stream = stream
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.append(line)

    def close(self) -> None:
        """Read what is left, once the process is gone."""
        self._thread.join(10)
        self._stream.close()

    def wait(self, wanted: str, again: Callable[[], object] = lambda: None) -> str:
        """The next line with these words; `again` is called now and then while it is missing."""
        deadline = time.monotonic() + 60
        tried = time.monotonic()
        while time.monotonic() < deadline:
            while self._seen < len(self.lines):
                self._seen += 1
                if wanted in self.lines[self._seen - 1]:
                    return self.lines[self._seen - 1]
            if time.monotonic() - tried > 3:
                again()
                tried = time.monotonic()
            time.sleep(0.05)
        raise AssertionError(f"{wanted!r} was never said, but {self.lines}")


def _page(where: str, wanted: str) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with urlopen(where, timeout=10) as answer:
            page: str = answer.read().decode()
        if wanted in page:
            return page
        time.sleep(0.1)
    raise AssertionError(f"{wanted!r} never came")


@pytest.mark.slow
def test_a_save_makes_the_page_anew(net: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "shapescope", "report", "net.py", "-i", "2,1,28,28", "--serve",
         "--port", "0"],
        cwd=net, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = Told(process.stdout), Told(process.stderr)
    good = (net / "net.py").read_text()

    def save(text: str, said: str) -> None:
        # Once more while nothing happens: the first save may come before anybody looks.
        (net / "net.py").write_text(text)
        err.wait(said, lambda: (net / "net.py").write_text(text))

    try:
        where = out.wait("http://127.0.0.1").strip()
        assert "it follows net.py" in err.wait("it follows")
        assert "data-served" in _page(where, "checks match")
        save(good.replace("6 * 12 * 12", "400"), "made anew: the model fails")
        _page(where, "takes 400 features, but 864 arrive")
        save(good.replace("def forward", "def forward("), "made anew: the model fails")
        _page(where, "no step was traced")
        save(good, "made anew\n")
        _page(where, "checks match")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        out.close()
        err.close()


def test_a_page_is_not_poured_into_a_terminal(
    program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = program("report", "network")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: the page is a long file, not for a terminal\n"
        "help: -o report.html writes it\n"
        "help: --serve shows it in a browser\n"
    )


def test_the_step_that_failed_shows_no_formula_and_the_badge_says_why(
    program: Run, in_folder: Path
) -> None:
    (in_folder / "net.py").write_text(
        "from torch import nn\n\n\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(400, 10))\n"
    )
    done = program("report", "net.py", "-i", "2,1,28,28")
    assert done.code == 1
    data: dict[str, Any] = page_data(done.out)
    steps, failed = data["steps"], data["failed"]
    assert data["strings"][steps["path"][failed]] == "2"
    assert data["strings"][steps["formula"][failed]] == ""
    assert data["statuses"][steps["status"][failed]] == "not_applicable"
    assert "fails: `2` takes 400 features, but 3456 arrive" in done.out
