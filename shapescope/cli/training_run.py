"""How `shapescope train` carries out what was asked for."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapescope.cli.live import LiveReporter, remark
from shapescope.cli.output import emit, show
from shapescope.cli.training import write_picture
from shapescope.diagnostic import ShapescopeError
from shapescope.render.json import finite, to_json
from shapescope.render.line import Line
from shapescope.training.distributed import Group, joined, launch
from shapescope.training.options import TrainOptions, new_request, resumed_request
from shapescope.training.run import Run

if TYPE_CHECKING:
    from shapescope.training.engine import Engine
    from shapescope.training.setup import Request
    from shapescope.training.train import Outcome

INTERRUPTED = 130


def run_here(options: TrainOptions, out: Path | None, resume: Path | None, form: str) -> int:
    """Train in this process, which may be one of several; the exit code comes back."""
    from shapescope.training.train import train

    with joined("cuda" if options.device == "cuda" else "cpu") as group:
        run, again = _folder(options, out, resume, group)
        if group.leads and not again:
            run.refuse_used()  # before images are fetched and a way to compute is measured
        engine: Engine | None = None
        request: Request
        if again:
            request, engine = resumed_request(options, run)
        else:
            request = new_request(options)
        reporter = LiveReporter(beside=form == "json")
        try:
            outcome = train(
                request, run, reporter=reporter, group=group, resume=again, engine=engine
            )
        finally:
            reporter.clear()
        if not group.leads:
            return 0
        return _end(outcome, request.model.title, form)


def _folder(
    options: TrainOptions, out: Path | None, resume: Path | None, group: Group
) -> tuple[Run, bool]:
    """Return the run's folder, and whether there is a run in it to go on with."""
    if resume is not None:
        if out is not None and out.resolve() != resume.resolve():
            raise ShapescopeError("--out and --resume name different folders")
        run = Run(resume)
        if run.exists:
            return run, True
        if not options.model:
            raise ShapescopeError(
                f"{resume} holds no run to go on with",
                advice=(f"shapescope train NAME --out {shlex.quote(str(resume))}",),
            )
        if group.leads:
            remark(f"{resume} holds no run yet: this one starts from the beginning")
        return run, False
    folder = group.from_leader(str(out or default_folder(options.model)))
    run = Run(Path(str(folder)))
    # torch elastic starts workers again with the same command line: they go on where they were
    return run, group.restarts > 0 and run.exists


def default_folder(model: str) -> Path:
    """Return a folder of its own for a run nobody named one for."""
    from shapescope.training.model import named

    if not model:
        new_request(TrainOptions())  # says what is missing
    return Path("runs") / f"{named(model).title}-{time.strftime('%Y%m%d-%H%M%S')}"


def run_in_processes(
    ctx: Any, processes: int, options: TrainOptions, out: Path | None, resume: Path | None
) -> int:
    """Start several processes with the same command line, and wait for them."""
    arguments = ["train"]
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name)
        if parameter.name in ("processes", "out") or value in (None, "", [], (), False):
            continue
        if parameter.param_type_name == "argument":
            arguments.append(str(value))
        elif value is True:
            arguments.append(parameter.opts[0])
        else:
            for item in value if isinstance(value, list | tuple) else [value]:
                arguments += [parameter.opts[0], str(item)]
    if resume is None:
        # named here, so that all processes, and those that take their place, agree on it
        arguments += ["--out", str(out or default_folder(options.model))]
    return launch(arguments, processes)


def _end(outcome: Outcome, title: str, form: str) -> int:
    """Draw the pictures, say how the run ended; the exit code comes back.

    A form of `json` is one object on stdout, whether all epochs were done or not.
    """
    from shapescope.render import plots
    from shapescope.render.evaluation import split_line

    run = outcome.run
    if outcome.metrics:
        write_picture(run.curves_path, plots.curves(outcome.metrics, title))
    if outcome.test is not None:
        heading = f"{title}, {outcome.test.count:,} test images"
        write_picture(
            run.confusion_path, plots.confusion(outcome.test.confusion, outcome.classes, heading)
        )
    if form == "json":
        emit(to_json(finite(_facts(outcome, title))))
    folder = str(run.folder)
    if not outcome.complete:
        resumed = shlex.join(("shapescope", "train", "--resume", folder))
        remark(f"stopped {_place(outcome)}; go on with: {resumed}")
        return INTERRUPTED
    if form == "json":
        return 0
    if outcome.test is not None:
        line = Line("best weights  ")
        line.parts += split_line(outcome.test).parts
        show([line])
    following: tuple[tuple[str, ...], ...] = (("evaluate", folder), ("predict", folder))
    if not outcome.epoch:  # `--epochs 0`: there are no weights as yet
        following = (("train", "--resume", folder, "--epochs", "1"),)
    show([Line(f"next: {shlex.join(('shapescope', *words))}") for words in following])
    return 0


def _place(outcome: Outcome) -> str:
    """Where a run stopped; epochs and steps count from 1, as in the lines of progress."""
    if outcome.step:
        return f"in epoch {outcome.epoch + 1}, after step {outcome.step}"
    return f"after epoch {outcome.epoch}"


def _facts(outcome: Outcome, title: str) -> dict[str, Any]:
    """What is told of a run that ended, as plain values."""
    best = None
    if outcome.test is not None:
        best = outcome.test.metrics(0)
        del best["epoch"]
    return {
        "model": title,
        "run": str(outcome.run.folder),
        "complete": outcome.complete,
        "epochs_done": outcome.epoch,
        "steps_into_epoch": outcome.step,
        "metrics": list(outcome.metrics),
        "best_weights": best,
    }


def show_one_batch(options: TrainOptions, form: str) -> None:
    """Take a single step and show what it does."""
    from dataclasses import replace

    from shapescope.render.training import one_batch_lines
    from shapescope.training.one_batch import one_batch
    from shapescope.training.setup import prepare

    request = replace(new_request(options), deterministic=True)
    result = one_batch(prepare(request, Group()))
    if form == "json":
        emit(to_json(finite(result.to_dict())))
    else:
        show(one_batch_lines(result))
