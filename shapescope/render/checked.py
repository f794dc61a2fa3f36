"""What `check` says of each model: a line per problem, or that all is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from shapescope.diagnostic import Diagnostic, Severity
from shapescope.render.diagnostics import one_line
from shapescope.render.json import diagnostics_to_dicts, to_json
from shapescope.render.shapes import count_text, plural, printable, several_text, tensor_text
from shapescope.result import TraceResult

SCHEMA = "shapescope.check/1"

Entry: TypeAlias = tuple[str, TraceResult, tuple[Diagnostic, ...]]
"""A model, its trace, and what is wrong with it."""


def checked_text(entries: Sequence[Entry], *, verbose: bool = False) -> str:
    """One line per problem, notes only if `verbose`; one line for a model without any."""
    lines = []
    for model, result, problems in entries:
        told = [one for one in problems if verbose or one.severity is not Severity.NOTE]
        for problem in told:
            lines.append(one_line(problem, model))
            if verbose:
                lines += [f"  {printable(text)}" for text in problem.detail.splitlines()]
        if not any(one.severity is Severity.ERROR for one in problems):
            lines.append(_fine(model, result))
    return "".join(line + "\n" for line in lines)


def _fine(model: str, result: TraceResult) -> str:
    checked = [check for check in result.checks if check.status != "not_applicable"]
    matching = sum(check.status == "match" for check in checked)
    outputs = several_text(list(map(tensor_text, result.trace.outputs))) or "nothing"
    return (
        f"{printable(model)}: ok, gives {outputs}, {matching} of {plural(len(checked), 'check')} "
        f"match, {count_text(result.totals.params)} params, {count_text(result.totals.macs)} MACs"
    )


def checked_to_json(entries: Sequence[Entry]) -> str:
    """All models as one JSON object."""
    models = []
    for model, result, problems in entries:
        totals = result.totals
        models.append(
            {
                "model": model,
                "ok": not any(one.severity is Severity.ERROR for one in problems),
                "outputs": [
                    {"shape": list(spec.shape), "dtype": spec.dtype}
                    for spec in result.trace.outputs
                ],
                "params": totals.params,
                "macs": totals.macs,
                "diagnostics": diagnostics_to_dicts(problems),
            }
        )
    return to_json({"schema": SCHEMA, "models": models})
