"""Layers that the constructor makes and the forward pass never reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from shapescope.analysis.diagnosis.finding import Case, Finding, finding, label
from shapescope.analysis.diagnosis.registry import declare, scanning
from shapescope.analysis.diagnosis.words import primary
from shapescope.diagnostic import Severity
from shapescope.trace import ModuleSpec, ParamSpec, Trace

NEVER_CALLED = declare("layer-never-called", "a layer is made, and the forward pass never calls it")

_MOST_NAMED = 3
_CONTAINERS = ("ModuleDict", "ModuleList", "ParameterDict", "ParameterList")
_DOES_NOTHING = ("Identity", "DropPath", *_CONTAINERS)
_PACKAGES = ("site-packages", "dist-packages")
_COUNT = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Uncalled:
    """Which modules of a whole forward pass were not needed.

    A module is needed if it was called, if something inside it was, if a call elsewhere read one of
    its parameters or buffers (`F.linear(x, self.fc.weight)`), or if it belongs to a layer that does
    its work in one piece, as the `out_proj` of an attention does.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.specs = {spec.path: spec for spec in trace.modules}
        self.own: dict[str, list[ParamSpec]] = {}
        for param in trace.params:
            self.own.setdefault(param.name.rpartition(".")[0], []).append(param)

    @cached_property
    def _read(self) -> frozenset[str]:
        """The keys of all parameters that a step read."""
        of_steps = {param.key for step in self.trace.steps for param in step.params}
        return frozenset(of_steps | {p.key for p in self.trace.params if p.name in self._handed})

    @cached_property
    def _handed(self) -> frozenset[str]:
        """The names of all that steps were handed."""
        inputs = (spec for step in self.trace.steps for spec in step.inputs)
        return frozenset(spec.name for spec in inputs if spec.name)

    @cached_property
    def _lending(self) -> frozenset[str]:
        """The paths of modules of which a step read a buffer."""
        names = [spec.name for spec in self.trace.buffers if spec.name in self._handed]
        return frozenset(name.rpartition(".")[0] for name in names if name)

    @cached_property
    def _needed(self) -> frozenset[str]:
        found: set[str] = set()
        for path, spec in self.specs.items():
            read = any(param.key in self._read for param in self.own.get(path, ()))
            if spec.called or read or path in self._lending:
                while path not in found:
                    found.add(path)
                    path = path.rpartition(".")[0]
        return frozenset(found)

    def layers(self) -> Iterator[ModuleSpec]:
        """The outermost modules that were not needed, in the order they were made."""
        opened = {step.path for step in self.trace.steps if step.is_composite}
        for path, spec in self.specs.items():
            above = path.rpartition(".")[0]
            if path in self._needed or above not in self._needed:
                continue
            owner = self.specs.get(above)
            if owner is not None and not self._is_in_one_piece(above, opened):
                yield from self._worth_saying(path, spec, owner)

    def _is_in_one_piece(self, path: str, opened: set[str]) -> bool:
        """Whether a module is, or lies in, a layer whose inside is not looked at."""
        while path:
            if self.specs[path].called and path not in opened:
                return True
            path = path.rpartition(".")[0]
        return False

    def _worth_saying(self, path: str, spec: ModuleSpec, owner: ModuleSpec) -> Iterator[ModuleSpec]:
        if self.params_of(path):
            yield spec
            return
        # A loss is called behind the model, and one of several activations is chosen by a setting.
        chosen = owner.class_name in _CONTAINERS or spec.class_name in _DOES_NOTHING
        if not chosen and not spec.class_name.endswith("Loss") and self._is_own(spec):
            yield spec

    def _is_own(self, spec: ModuleSpec) -> bool:
        """Whether it is made where the model's own forward is written, not in a package."""
        first = next((step.call_site for step in self.trace.steps if step.call_site), None)
        if spec.defined_at is None or first is None or spec.defined_at.file != first.file:
            return False
        return not any(folder in first.file for folder in _PACKAGES)

    def params_of(self, path: str) -> int:
        """How many values the parameters of a module have, those inside it too."""
        inside = path + "."
        return sum(
            param.numel
            for owner, params in self.own.items()
            if owner == path or owner.startswith(inside)
            for param in params
            if param.name == param.key
        )


@scanning
def never_called(case: Case) -> Iterator[Finding]:
    """All layers that a forward pass which came to its end left out, in one note."""
    trace = case.trace
    if trace.failure is not None or not trace.outputs:
        return
    if all(spec.called for spec in trace.modules):
        return
    uncalled = Uncalled(trace)
    left = list(uncalled.layers())
    if not left:
        return
    params = sum(uncalled.params_of(spec.path) for spec in left)
    them = "its" if len(left) == 1 else "their"
    notes = ["in this mode and with these inputs"]
    if params:
        notes[0] += f"; {them} {params:,} parameters get no gradient"
    several = (_called_instead(trace, spec) for spec in left if uncalled.params_of(spec.path))
    shown = left[:_MOST_NAMED]
    yield finding(
        NEVER_CALLED,
        f"{_names(left)} never called",
        severity=Severity.NOTE,
        step=None,
        labels=(
            primary(shown[0].defined_at, f"`{shown[0].path}` is made here"),
            *(label(spec.defined_at, f"`{spec.path}`") for spec in shown[1:]),
        ),
        notes=(*notes, *dict.fromkeys(several)),
    )


def _names(left: list[ModuleSpec]) -> str:
    names = [f"`{spec.path}`" for spec in left]
    if len(names) <= _MOST_NAMED:
        return _listed(names) + (" is" if len(names) == 1 else " are")
    more = len(names) - _MOST_NAMED + 1
    return f"{', '.join(names[: _MOST_NAMED - 1])} and {_counted(more)} more layers are"


def _counted(count: int) -> str:
    return _COUNT[count] if count < len(_COUNT) else str(count)


def _called_instead(trace: Trace, left: ModuleSpec) -> str | None:
    """The neighbour of the same class that several lines call: one of them may mean this layer."""
    above = left.path.rpartition(".")[0]
    alike = {
        spec.path
        for spec in trace.modules
        if spec.class_name == left.class_name and spec.path.rpartition(".")[0] == above
    }
    lines: dict[str, set[int]] = {}
    for step in trace.steps:
        if step.kind == "module" and step.path in alike and step.call_site is not None:
            lines.setdefault(step.path, set()).add(step.call_site.line)
    several = [path for path, where in lines.items() if len(where) > 1]
    if len(several) != 1:
        return None
    return f"`{several[0]}` is called in lines {_listed(map(str, sorted(lines[several[0]])))}"


def _listed(words: Iterable[str]) -> str:
    """`a`, `b` and `c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
