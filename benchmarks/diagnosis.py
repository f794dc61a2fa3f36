"""Score the diagnosis on a folder of shape bugs: seen, located, explained, mended.

    python benchmarks/diagnosis.py tests/diagnosis/cases
    python benchmarks/diagnosis.py FOLDER word --show     # only cases whose name holds the word
    python benchmarks/diagnosis.py FOLDER --peers         # also what other tools say

A case counts as detected if an error or a warning is given (and none for `fixed.py`), as located
if a label stands on one of the culprit's lines, as explained if the message names the numbers that
were wanted and that arrived, and as mended if the edits of a help, applied to the file, or the
input that it says to feed instead, give the expected output on real tensors without the silent bug,
and are a mend that the case names, where it names some.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from case_folder import (  # type: ignore[import-not-found,unused-ignore]
    Case,
    is_right_edit,
    is_right_input,
    numbers_in,
    problems_of,
    read_cases,
    required_numbers,
)

from shapescope.analysis.fixes.apply import edited
from shapescope.capture.further.investigate import investigate
from shapescope.capture.inputs import parse_input, parse_inputs
from shapescope.capture.loader import load
from shapescope.capture.traced import Target
from shapescope.capture.tracer import trace_model
from shapescope.diagnostic import Diagnostic, Help, Severity, ShapescopeError
from shapescope.render.diagnostics import diagnostics_lines
from shapescope.render.line import plain_text
from shapescope.render.theme import Surface


@dataclass(frozen=True)
class Score:
    """What the diagnosis was worth on one case."""

    case: Case
    diagnostics: tuple[Diagnostic, ...]
    text: str
    seconds: float
    false_alarms: tuple[str, ...]
    mended_by: tuple[int, ...]
    refuted: tuple[str, ...]

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """Everything that is no mere note."""
        return tuple(one for one in self.diagnostics if one.severity is not Severity.NOTE)

    @property
    def detected(self) -> bool:
        """Whether anything is wrong, it says."""
        return bool(self.found)

    @property
    def lines(self) -> set[int]:
        """The lines of the file under which a label stands."""
        file = self.case.model_spec.partition(":")[0]
        return {
            line
            for one in self.found
            for label in one.labels
            if label.span.file == file
            for line in range(label.span.line, label.span.end_line + 1)
        }

    @property
    def located(self) -> bool:
        """Whether one of them is a culprit's."""
        return bool(self.lines & set(self.case.data["culprit_line"]))

    @property
    def missing_numbers(self) -> set[int]:
        """The numbers that ought to be named, and are not."""
        missing: set[int] = required_numbers(self.case) - numbers_in(self.text)
        return missing

    @property
    def explained(self) -> bool:
        """Whether all of them are named."""
        return self.detected and not self.missing_numbers

    @property
    def mended(self) -> bool:
        """Whether a help gives a model that works."""
        return bool(self.mended_by)


def diagnose_case(case: Case, spec: str) -> tuple[Diagnostic, ...]:
    """What a user of the case's command would be told."""
    specs = parse_inputs(case.input_texts())
    wanted = case.target_text()
    target = None if wanted is None else Target(parse_input(wanted[0]), wanted[1])
    try:
        loaded = load(spec)
        traced = trace_model(loaded, specs, train=case.train, target=target)
    except ShapescopeError as error:
        return (error.diagnostic,)
    return investigate(loaded, specs, traced, train=case.train, target=target)


def score(case: Case) -> Score:
    """Diagnose one case and try every help on real tensors."""
    os.chdir(case.folder)
    began = time.perf_counter()
    found = diagnose_case(case, case.model_spec)
    text = plain_text(diagnostics_lines(found, Surface()))
    seconds = time.perf_counter() - began
    alarms = tuple(
        f"{one.severity}[{one.rule}] {one.message}"
        for one in diagnose_case(case, case.fixed_spec)
        if one.severity is not Severity.NOTE
    )
    helps = [entry for one in found for entry in one.help]
    verdicts = [(number, _verdict(case, entry)) for number, entry in enumerate(helps)]
    good = tuple(number for number, verdict in verdicts if verdict == [])
    bad = tuple(f"{helps[number].message}: {verdict[0]}" for number, verdict in verdicts if verdict)
    return Score(case, found, text, seconds, alarms, good, bad)


def _verdict(case: Case, entry: Help) -> list[str] | None:
    """What is wrong after the edits of a help, on the input it names; None where it has neither."""
    if not entry.edits and not entry.inputs:
        return None
    file = case.model_spec.partition(":")[0]
    if any(edit.span.file != file for edit in entry.edits):
        return ["edits another file"]
    text = edited((case.folder / file).read_text(), entry.edits)
    if entry.edits and not is_right_edit(case, text):
        return ["runs by accident, is no mend that the case names"]
    if entry.inputs:
        fed = parse_inputs(entry.inputs)
        shapes = [list(spec.shape or ()) for spec in fed]
        if not entry.edits and not is_right_input(case, shapes):
            return ["runs by accident, is no input that the case names"]
        case = case.fed(shapes, [spec.dtype for spec in fed])
    found: list[str] = problems_of(case, case.model_spec, text)
    return found


def counts_of(scores: Sequence[Score]) -> tuple[int, int, int, int]:
    """How many cases were detected, located, explained and mended."""
    return (
        sum(one.detected for one in scores),
        sum(one.located for one in scores),
        sum(one.explained for one in scores),
        sum(one.mended for one in scores),
    )


def table(scores: Sequence[Score], show: bool) -> str:
    """A row for each case, and how many of each."""
    lines = [f"{'case':<46} seen line nums fix  alarm  time"]
    for one in scores:
        marks = "".join(
            f"{'yes' if good else 'NO':<5}"
            for good in (one.detected, one.located, one.explained, one.mended)
        )
        alarm = "NO" if not one.false_alarms else "ALARM"
        lines.append(f"{one.case.name:<46} {marks}{alarm:<6} {one.seconds:5.2f}")
        if not one.located:
            lines.append(f"    lines {sorted(one.lines)}, wanted {one.case.data['culprit_line']}")
        if one.detected and one.missing_numbers:
            lines.append(f"    not named: {sorted(one.missing_numbers)}")
        lines += [f"    false alarm: {alarm}" for alarm in one.false_alarms]
        lines += [f"    refuted: {text}" for text in one.refuted]
        if show:
            lines.append(one.text)
    total = len(scores)
    seen, located, explained, mended = counts_of(scores)
    alarms = sum(bool(one.false_alarms) for one in scores)
    lines.append(
        f"{total} cases: {seen} detected, {located} located, {explained} explained, "
        f"{mended} mended, {alarms} false alarms; "
        f"median {statistics.median(one.seconds for one in scores):.2f} s"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--show", action="store_true", help="print every message")
    parser.add_argument("--peers", action="store_true", help="also what other tools say")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cases = read_cases(arguments.folder.resolve(), arguments.words)
    scores = [score(case) for case in cases]
    print(table(scores, arguments.show))
    if arguments.peers:
        from diagnosis_peers import peers_table  # type: ignore[import-not-found,unused-ignore]

        print("\n" + peers_table(cases, counts_of(scores)))


if __name__ == "__main__":
    main()
