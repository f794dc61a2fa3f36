"""`shapescope fix`: verified edits as a diff, or written."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shapescope.cli.options import Inputs, ModelName, Output, Train
from shapescope.diagnostic import ShapescopeError

if TYPE_CHECKING:
    from shapescope.capture.further.mend import Mended


def register(app: typer.Typer) -> None:
    """Add `fix`."""
    app.command("fix")(fix)


def fix(
    model: ModelName,
    inputs: Inputs = [],  # noqa: B006 - the parser makes a list of its own
    write: Annotated[bool, typer.Option("--write", help="Write the edits into the files.")] = False,
    train: Train = False,
    target: Annotated[
        str,
        typer.Option(metavar="SHAPE", show_default=False, help="Target of --loss: 64:int64."),
    ] = "",
    loss: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Also compute this loss.")
    ] = "",
    output: Output = None,
) -> int:
    """Mend a model: edits that were tried, fault by fault, as a diff.

    Every edit was traced again with two batch sizes before it is shown, and run forwards and
    backwards on real numbers where that costs little. Formatting and comments stay as they are. A
    file that is no UTF-8, or that changed meanwhile, is not written to.

    Where the model is right and only the `--input` is not, nothing of it is edited.

    Exit code 0: nothing is wrong, or all of it was written, 1: the model or its input is at fault,
    2: a wrong request.

    Examples:
    shapescope fix net.py --input 4,3,32,32
    shapescope fix net.py:Net --input 4,3,32,32 --write
    shapescope fix net.py --input 64,3,32,32 --target 64:int64 --loss cross_entropy
    """
    from shapescope.capture.further.mend import mend
    from shapescope.capture.input_spec import parse_inputs
    from shapescope.capture.losses import target_of
    from shapescope.cli.output import emit, say_notes
    from shapescope.render.fixes import mended_text

    if write:
        _refuse_own(model)
    wanted = target_of(target, loss)
    specs = parse_inputs(inputs) or None
    read = _contents(model)
    done = mend(model, specs, train=train, target=wanted)
    before = {path: _old_text(path, read) for path in done.texts}
    if write and done.texts:
        _write(done, before, read)
    following = ""
    if (done.texts or done.inputs) and not _is_own(model):
        written = write or not done.texts
        following = _next(model, done.inputs or inputs, target, loss, train, written)
    say_notes(done.notes)
    emit(mended_text(done, before, written=write, following=following), output)
    if done.left or done.inputs:
        return 1
    return 0 if write or not done.steps else 1


def _next(
    model: str, inputs: Sequence[str], target: str, loss: str, train: bool, written: bool
) -> str:
    """The command that comes next: the same one with `--write`, or a look at what was written."""
    words = ["shapescope", "trace" if written else "fix", model]
    words += [word for text in inputs for word in ("--input", text)]
    words += ["--target", target, "--loss", loss] if target else []
    words += ["--train"] if train else []
    words += [] if written else ["--write"]
    return shlex.join(words)


def _is_own(model: str) -> bool:
    from shapescope.networks.registry import find

    return find(model.partition("(")[0]) is not None


def _refuse_own(model: str) -> None:
    if _is_own(model):
        raise ShapescopeError(
            f"`{model}` is one of shapescope's own networks, which are not written to",
            advice=("copy its file and name the copy",),
        )


def _contents(model: str) -> dict[str, bytes]:
    """The bytes of the named file as they are now, to see later whether it changed."""
    from shapescope.source_text import absolute_path

    file = model.partition(".py")[0] + ".py"
    path = absolute_path(file)
    try:
        return {path: Path(path).read_bytes()}
    except OSError:
        return {}


def _old_text(path: str, read: dict[str, bytes]) -> str:
    from shapescope.source_text import source_text

    read.setdefault(path, Path(path).read_bytes())
    return source_text(path) or ""


def _write(done: Mended, before: dict[str, str], read: dict[str, bytes]) -> None:
    """Write every file, unless one changed since it was read."""
    from shapescope.analysis.fixes.apply import with_line_ends
    from shapescope.cli.output import refuse_read_only, write_bytes
    from shapescope.source_text import display_path

    contents = {}
    for path, after in done.texts.items():
        name = display_path(path)
        if Path(path).read_bytes() != read[path]:
            raise ShapescopeError(f"{name} changed meanwhile; nothing was written")
        made = with_line_ends(read[path], before[path], after)
        if made is None:
            raise ShapescopeError(
                f"{name} is not UTF-8 throughout, so it is left alone",
                advice=("save it as UTF-8",),
            )
        refuse_read_only(Path(name))
        contents[path] = made
    for path, data in contents.items():
        write_bytes(Path(path), data)
