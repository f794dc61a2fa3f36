"""Every command: its name, what it does in one line, and the module that has it."""

from __future__ import annotations

from typing import NamedTuple


class CommandEntry(NamedTuple):
    """A command: its name, its section and line in the overview, and the module that has it."""

    name: str
    section: str
    summary: str
    module: str


_SEE = "See a model"
_MEND = "Check and mend it"
_TRAIN = "Train it"

COMMANDS: tuple[CommandEntry, ...] = (
    CommandEntry(
        "trace", _SEE, "Show every step of a forward pass, its shape, and the proof of it.",
        "shapescope.cli.trace",
    ),
    CommandEntry(
        "params", _SEE, "Show every named parameter: its shape, its axes in words, its values.",
        "shapescope.cli.params",
    ),
    CommandEntry(
        "draw", _SEE, "Draw the architecture: the figure of a paper.", "shapescope.cli.draw",
    ),
    CommandEntry(
        "report", _SEE,
        "Write one interactive page: drawing, steps, formulas, diagnostics, a run.",
        "shapescope.cli.report",
    ),
    CommandEntry(
        "models", _SEE, "List what can be named as MODEL.", "shapescope.cli.models",
    ),
    CommandEntry(
        "check", _MEND, "Check models for CI: an exit code, and one line per problem.",
        "shapescope.cli.check",
    ),
    CommandEntry(
        "fix", _MEND, "Mend a model: edits that were tried, fault by fault, as a diff.",
        "shapescope.cli.fix",
    ),
    CommandEntry(
        "annotate", _MEND,
        "Write shape comments behind the lines of forward, or check those already there.",
        "shapescope.cli.annotate",
    ),
    CommandEntry(
        "watch", _MEND,
        "Trace a model of yours again at every save of its file or of a file it imports.",
        "shapescope.cli.watch",
    ),
    CommandEntry(
        "sizes", _MEND, "Say which input sizes fit a model, which one it was built for, and why.",
        "shapescope.cli.sizes",
    ),
    CommandEntry(
        "solve", _MEND, "List the windows that turn one size into another, the common ones first.",
        "shapescope.cli.solve",
    ),
    CommandEntry(
        "diff", _MEND,
        "Compare two models step by step: shapes, settings, parameters, multiply-adds.",
        "shapescope.cli.diff",
    ),
    CommandEntry(
        "explain", _MEND,
        "Explain a rule: what it means, a model that breaks it, and the model mended.",
        "shapescope.cli.explain",
    ),
    CommandEntry(
        "data", _TRAIN, "Show what a data set holds, in numbers and in pictures.",
        "shapescope.cli.data",
    ),
    CommandEntry(
        "train", _TRAIN, "Train a network by its document's recipe, or your own on your images.",
        "shapescope.cli.train",
    ),
    CommandEntry(
        "evaluate", _TRAIN, "Show loss and accuracy, by class, and the worst mistakes.",
        "shapescope.cli.evaluate",
    ),
    CommandEntry(
        "predict", _TRAIN, "Show what a network says of single images.",
        "shapescope.cli.predict",
    ),
)  # fmt: skip
