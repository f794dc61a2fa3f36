"""Shape comments to be written: what is wrong put right, and what is missing added."""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shapescope.analysis.comments.lines import bare_lines_of, lines_of
from shapescope.analysis.comments.notation import written_shapes
from shapescope.analysis.comments.observed import Observed, Visit, tensors
from shapescope.analysis.comments.places import assigned_names, statements_of
from shapescope.analysis.comments.spelling import Style, common_style
from shapescope.analysis.comments.verdicts import RIGHT, WRONG, Verdict
from shapescope.trace import Shape

DEFAULT_STYLE = Style()
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
_BRACKETS = Style("(", ")", ", ")


@dataclass(frozen=True, slots=True)
class Addition:
    """A comment to be added behind the last character of a line."""

    line: int
    column: int
    text: str
    value: str
    step: int | None
    shapes: tuple[Shape, ...]


class Writer:
    """Finds what to add to a file, in its own style.

    Args:
        source: the text of the file.
        file: its name as it stands in the spans of the trace.
        observed: what a run showed.
        other: the same with another batch size, to tell the batch axis; None if it cannot be had.
        verdicts: of the comments there are.
    """

    def __init__(
        self,
        source: str,
        file: str,
        observed: Observed,
        other: Observed | None,
        verdicts: Sequence[Verdict],
    ) -> None:
        self.lines = bare_lines_of(source)
        self.tree = ast.parse(source)
        self.file = file
        self.observed = observed
        self.other = other
        self.commented = _commented_lines(source)
        said = [one for verdict in verdicts for one in written_shapes(verdict.text)]
        self.style = common_style(said) or DEFAULT_STYLE
        self.without_batch = _leaves_batch_out(verdicts)
        self.numbers_batch = "torch" in self.style.opening or _numbers_batch(verdicts)
        self.gap = _common_gap(source)

    def additions(self) -> tuple[Addition, ...]:
        """A comment for each statement of forward and each entry of a Sequential without one."""
        found = {**self._of_entries(), **self._of_statements()}
        return tuple(found[line] for line in sorted(found))

    # --- statements of forward

    def _of_statements(self) -> dict[int, Addition]:
        found = {}
        visited = {visit.line for visit in self.observed.visits}
        wrappers = _wrappers(self.tree)
        for one in statements_of(self.tree):
            node = one.node
            if not isinstance(node, _SIMPLE) or node.lineno not in visited:
                continue
            if one.function in wrappers:
                continue
            end = node.end_lineno or node.lineno
            if end in self.commented or not self._ends_line(end, node.end_col_offset or 0):
                continue
            addition = self._of_statement(node, end)
            if addition is not None:
                found[end] = addition
        return found

    def _of_statement(self, node: ast.stmt, end: int) -> Addition | None:
        visits = [v for v in self.observed.visits_of(node.lineno) if v.finished]
        others = [v for v in self.other.visits_of(node.lineno) if v.finished] if self.other else []
        returns = isinstance(node, ast.Return)
        names = () if returns else assigned_names(node)
        values = [_values(visit, names, returns) for visit in visits]
        if not values or not values[0] or any(value != values[0] for value in values):
            return None
        shapes = [shape for _, found in values[0] for shape in found]
        if not 0 < len(shapes) <= 4 or not all(shapes):
            return None
        if not returns and any(len(held) > 1 for _, held in values[0]):
            return None  # a list or dict of tensors: its name says too little of each
        batched = [_values(visit, names, returns) for visit in others]
        same = bool(batched) and all(value == batched[0] for value in batched)
        other = [shape for _, found in batched[0] for shape in found] if same else []
        texts = []
        for position, shape in enumerate(shapes):
            twin = other[position] if len(other) == len(shapes) else None
            texts.append(self._spelled(shape, twin))
        labels = [name for name, found in values[0] for _ in found]
        if len(shapes) > 1 and not returns:
            texts = [f"{name} {text}" for name, text in zip(labels, texts, strict=True)]
        text = ", ".join(texts)
        return self._addition(end, text, labels[0] if labels else "return", None, tuple(shapes))

    # --- entries of nn.Sequential

    def _of_entries(self) -> dict[int, Addition]:
        steps = self.observed.trace.steps
        twins = self.other.trace.steps if self.other else ()
        found: dict[int, Addition] = {}
        for step in steps:
            span = step.defined_at
            parent = None if step.parent is None else steps[step.parent]
            if span is None or span.file != self.file or parent is None or not step.outputs:
                continue
            around = parent.defined_at
            if parent.class_name != "Sequential" or around is None or around.line >= span.line:
                continue
            line = span.end_line
            if line in self.commented or around.end_line == line:
                continue
            same = [s for s in steps if s.defined_at == span and s.outputs]
            shapes = {s.outputs[0].shape for s in same}
            if len(shapes) > 1:
                continue
            twin = twins[step.index] if len(twins) == len(steps) else None
            other = twin.outputs[0].shape if twin and twin.outputs else None
            text = self._spelled(step.outputs[0].shape, other)
            addition = self._addition(line, text, step.path, step.index, (step.outputs[0].shape,))
            found[line] = addition
        return found

    # --- spelling

    def _spelled(self, shape: Shape, other: Shape | None) -> str:
        words = [str(size) for size in shape]
        batch = self._batch_size()
        for axis, size in enumerate(() if self.numbers_batch else shape):
            if other is not None and len(other) == len(shape) and other[axis] != size and batch:
                name = self.style.batch or "N"
                times = int(size) // batch
                if int(size) % batch == 0 and times >= 1:
                    words[axis] = name if times == 1 else f"{times}*{name}"
        if self.without_batch and len(words) > 1 and words[0] == (self.style.batch or "N"):
            words = words[1:]
        for style in (self.style, _BRACKETS):
            text = style.spell(words)
            if [one.says for one in written_shapes(" " + text)] == [tuple(words)]:
                return text
        return f"shape {_BRACKETS.spell(words)}"

    def _batch_size(self) -> int:
        inputs = self.observed.trace.inputs
        first = inputs[0].shape[0] if inputs and inputs[0].shape else 0
        return first if isinstance(first, int) else 0

    def _ends_line(self, line: int, offset: int) -> bool:
        text = self.lines[line - 1].encode("utf-8")
        return not text[offset:].strip()

    def _addition(
        self, line: int, text: str, value: str, step: int | None, shapes: tuple[Shape, ...]
    ) -> Addition:
        bare = self.lines[line - 1].rstrip()
        return Addition(line, len(bare) + 1, f"{self.gap}# {text}", value, step, shapes)


def edited(source: str, verdicts: Sequence[Verdict], additions: Sequence[Addition]) -> str:
    """The source with what is wrong put right and the additions made; only comments change."""
    lines = lines_of(source)
    for verdict in sorted(verdicts, key=lambda one: one.span.column, reverse=True):
        if verdict.status == WRONG:
            span = verdict.span
            line = lines[span.line - 1]
            before, behind = line[: span.column - 1], line[span.end_column - 1 :]
            lines[span.line - 1] = before + verdict.replacement + behind
    for addition in additions:
        line = lines[addition.line - 1]
        bare = line.rstrip()
        ending = line[len(line.rstrip("\r\n")) :]
        lines[addition.line - 1] = bare + addition.text + ending
    return "".join(lines)


def only_comments_differ(before: str, after: str) -> bool:
    """Whether two sources are the same program, token for token, but for comments and strings.

    Docstrings and annotations may hold shapes too, so strings are compared by their number alone.
    """
    return _code_tokens(before) == _code_tokens(after)


def _code_tokens(source: str) -> list[tuple[int, str]]:
    skipped = (tokenize.COMMENT, tokenize.NL)
    return [
        (token.type, "" if token.type == tokenize.STRING else token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in skipped
    ]


def _commented_lines(source: str) -> frozenset[int]:
    return frozenset(
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )


def _values(
    visit: Visit, names: Sequence[str], returns: bool
) -> list[tuple[str, tuple[Shape, ...]]]:
    """Each variable that a statement gave a value, with the shapes in it."""
    if returns:
        found = tuple(tensors(visit.result))
        return [("return", found)] if found else []
    return [
        (name, tuple(tensors(visit.after[name])))
        for name in dict.fromkeys(names)
        if name in visit.after
    ]


def _wrappers(tree: ast.Module) -> frozenset[int]:
    """The lines of functions that take whatever comes, as decorators make them."""
    return frozenset(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.args.vararg and node.args.kwarg
    )


def _common_gap(source: str) -> str:
    """What the file leaves between code and comment: a tab, a blank, or two as everybody else."""
    lines, gaps = bare_lines_of(source), Counter[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            before = lines[token.start[0] - 1][: token.start[1]]
            if before.strip():
                gaps[before[len(before.rstrip()) :]] += 1
    common = gaps.most_common(1)[0][0] if gaps else ""
    return common if common in ("\t", " ") else "  "


def _numbers_batch(verdicts: Sequence[Verdict]) -> bool:
    """Whether the file's own shapes give the batch as the number it has in this run."""
    full = [
        verdict.says[0].isdigit()
        for verdict in verdicts
        if verdict.status == RIGHT
        and verdict.shapes
        and len(verdict.says) == len(verdict.shapes[0])
    ]
    return full.count(True) > full.count(False)


def _leaves_batch_out(verdicts: Sequence[Verdict]) -> bool:
    """Whether the file's own shapes leave out the batch axis, as `# (16,14,14)` does."""
    votes = [
        len(verdict.says) - len(verdict.shapes[0])
        for verdict in verdicts
        if verdict.status == RIGHT and verdict.shapes
    ]
    return votes.count(-1) > votes.count(0)
