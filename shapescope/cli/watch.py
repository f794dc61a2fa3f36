"""`shapescope watch`: the trace again at every save, and what changed since the last one."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Train, Verbose
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.render.line import Line
    from shapescope.render.theme import Surface
    from shapescope.result import TraceResult
    from shapescope.trace import Trace

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
_STEP_MS = 10
_DEBOUNCE_MS = 40


def register(app: typer.Typer) -> None:
    """Add `watch`."""
    app.command("watch")(watch)


def watch(
    model: ModelName,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    depth: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", show_default=False, help="Collapse modules below this depth."
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Give every step a row of its own; fold nothing.")
    ] = False,
    train: Train = False,
    verbose: Verbose = False,
) -> int:
    """Trace a model of yours again at every save of its file or of a file it imports.

    What changed since the last trace stands below the table, and the diagnosis when it broke. A
    syntax error is shown and waited out. Ctrl-C ends it.

    Examples:
    shapescope watch net.py --input 1,3,32,32
    shapescope watch 'net.py:Net(10)' --depth 2
    """
    from shapescope.cli.output import stdout_surface
    from shapescope.render.rows import RowOptions
    from shapescope.render.table import TableOptions

    options = TableOptions(RowOptions(every, depth, None), (), verbose)
    watcher = Watcher(model, tuple(inputs), train)
    watcher.look()
    if not watcher.folders:
        raise watcher.problem or ShapescopeError(
            f"`{model}` is no file of yours: there is nothing to watch",
            advice=("shapescope watch net.py:Net",),
        )
    try:
        for _ in watcher.rounds(saves):
            surface = stdout_surface()
            _paint(watcher.screen(surface, options), surface)
    except KeyboardInterrupt:
        sys.stdout.write("\n")
    return 0


@dataclass
class Watcher:
    """A model that is looked at again and again, and what was seen the last time it worked."""

    model: str
    inputs: tuple[str, ...] = ()
    train: bool = False
    files: frozenset[Path] = frozenset()
    result: TraceResult | None = None
    problem: ShapescopeError | None = None
    before: Trace | None = None
    seconds: float = 0.0
    rounds_done: int = field(default=0)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the files are; a file that is written anew appears in its folder."""
        return tuple(sorted({file.parent for file in self.files}))

    def look(self) -> None:
        """Load, trace and diagnose; keep what was wrong with the request instead of raising it.

        A save while that runs long, for ever perhaps, begins it anew.
        """
        started = time.perf_counter()
        if self.result is not None and self.result.trace.steps:
            self.before = self.result.trace
        while not self._looked():
            pass
        self.seconds = time.perf_counter() - started

    def _looked(self) -> bool:
        """Look once; False if a save came while it ran long."""
        from shapescope.capture.input_spec import parse_inputs
        from shapescope.capture.loader import load
        from shapescope.cli.restart import done_in_time
        from shapescope.session import trace_any

        self.result, self.problem = None, None

        def trace() -> None:
            loaded = load(self.model)
            self.files |= _own_files(loaded.file, loaded.files)
            specs = parse_inputs(self.inputs) or None
            given = loaded.fitted(specs) if specs else None
            self.result = trace_any(loaded, given, train=self.train)

        try:
            return done_in_time(trace, self.files | _own_files(_typed_file(self.model), ()))
        except ShapescopeError as error:
            self.problem = error
            self.files |= _own_files(_typed_file(self.model), ())
        return True

    def rounds(
        self, saves: Callable[[tuple[Path, ...]], Iterator[frozenset[Path]]]
    ) -> Iterator[None]:
        """Once now, and once after every save of one of the files."""
        yield
        while True:
            watched = self.folders
            for changed in saves(watched):
                if not changed & self.files:
                    continue
                self.look()
                self.rounds_done += 1
                yield
                if self.folders != watched:
                    break
            else:
                return

    def screen(self, surface: Surface, options: object) -> list[Line]:
        """What to show now."""
        from shapescope.render.line import Line

        if self.problem is not None:
            from shapescope.render.diagnostics import request_lines

            lines = request_lines(self.problem.diagnostic, surface)
        elif self.result is not None:
            from shapescope.render.table import TableOptions, result_lines

            drawn = options if isinstance(options, TableOptions) else TableOptions()
            lines = [*result_lines(self.result, surface, drawn), *self._changes(surface)]
        else:
            lines = []
        names = ", ".join(_names(self.files))
        took = f"{self.seconds * 1000:.0f} ms"
        return [*lines, Line(), Line(f"watching {names}   {took}   Ctrl-C ends it", "faint")]

    def _changes(self, surface: Surface) -> list[Line]:
        """The steps that differ from the last trace there was."""
        if self.before is None or self.result is None:
            return []
        from shapescope.analysis.diff import diff_traces
        from shapescope.render.diff import diff_lines
        from shapescope.render.line import Line

        diff = diff_traces(self.before, self.result.trace)
        if diff.same:
            return [Line(), Line("no change since the last save", "faint")]
        return [Line(), *diff_lines(diff, ("before this save", "now"), surface)]


def _names(files: Iterable[Path]) -> list[str]:
    """The names of files; those that share theirs with another, with their folders."""
    from shapescope.source_text import display_path

    files = sorted(files)
    often = Counter(file.name for file in files)
    return sorted(file.name if often[file.name] == 1 else display_path(file) for file in files)


def _own_files(file: Path | None, files: Iterable[Path]) -> frozenset[Path]:
    """The files of the user's that the model is made of."""
    from shapescope.capture.source import is_library_file

    known = {Path(one).resolve() for one in (file, *files) if one is not None}
    return frozenset(one for one in known if not is_library_file(str(one)))


def _typed_file(model: str) -> Path | None:
    """The file in what was typed, for a model that could not even be loaded."""
    head, found, _ = model.partition(".py")
    path = Path(head + found).resolve()
    return path if found and path.is_file() else None


def saves(folders: tuple[Path, ...]) -> Iterator[frozenset[Path]]:
    """The files that changed, each time some did."""
    from watchfiles import watch as changes

    for found in changes(
        *folders, recursive=False, step=_STEP_MS, debounce=_DEBOUNCE_MS, raise_interrupt=True
    ):
        yield frozenset(Path(path).resolve() for _, path in found)


def _paint(lines: list[Line], surface: Surface) -> None:
    """A terminal is cleared first; in a pipe one screen follows the other."""
    from shapescope.cli.output import show

    if sys.stdout.isatty():
        sys.stdout.write(CLEAR)
    show(lines)
    if not sys.stdout.isatty():
        sys.stdout.write("=" * min(surface.width, 40) + "\n")
    sys.stdout.flush()
