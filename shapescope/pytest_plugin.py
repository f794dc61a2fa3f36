"""The pytest plugin: a `shapescope` fixture to hold models to their shapes.

    def test_net(shapescope):
        shapescope.assert_shapes(
            Net(), input_size=(2, 3, 32, 32), outputs=[(2, 10)], steps={"conv1": (2, 6, 28, 28)}
        )

Loading the plugin imports neither torch nor anything of shapescope; the first use does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from shapescope.diagnostic import Diagnostic
    from shapescope.result import TraceResult


_LISTED = 8
"""So many modules are named where none is called nearly as was asked."""


class Shapes:
    """What the fixture gives."""

    def trace(self, model: Any, input_size: Any = None, **options: Any) -> TraceResult:
        """`shapescope.trace` with the same arguments."""
        import shapescope

        return shapescope.trace(model, input_size, **options)

    def assert_shapes(
        self,
        model: Any,
        input_size: Any = None,
        *,
        outputs: Sequence[Sequence[int]] | None = None,
        steps: Mapping[str, Sequence[int]] | None = None,
        max_params: int | None = None,
        max_macs: int | None = None,
        **options: Any,
    ) -> TraceResult:
        """Fail the test unless the model runs, every check matches, and all this holds.

        Args:
            model: a module, or what the commands take as MODEL.
            input_size: as in `shapescope.trace`.
            outputs: the shapes that must come out.
            steps: by module path, the shape of that module's first output; -1 fits any size.
            max_params: the most parameters that the model may have.
            max_macs: the most multiply-adds that a forward pass may take.
            **options: any other argument of `shapescope.trace`.

        Raises:
            AssertionError: with the diagnosis, as `shapescope check` prints it.
        """
        __tracebackhide__ = True
        from shapescope.analysis.expectations import Expectations, output_shapes, problems
        from shapescope.diagnostic import Severity

        shapes = None if outputs is None else output_shapes(outputs)
        result = self.trace(model, input_size, **options)
        expected = Expectations(shapes, max_params, max_macs)
        found = [one for one in problems(result, expected) if one.severity is Severity.ERROR]
        said = [_text(one) for one in found] + _wrong_steps(result, steps or {})
        if said:
            pytest.fail("\n\n".join(said), pytrace=False)
        return result


@pytest.fixture(name="shapescope")
def _shapescope() -> Shapes:
    """Hold a model to its shapes: `shapescope.assert_shapes(Net(), (1, 3, 32, 32), ...)`."""
    return Shapes()


def _text(diagnostic: Diagnostic) -> str:
    from shapescope.render.diagnostics import diagnostic_lines
    from shapescope.render.line import plain_text
    from shapescope.render.theme import Surface

    return plain_text(diagnostic_lines(diagnostic, Surface()))


def _fits(shape: Sequence[int | str], expected: Sequence[int]) -> bool:
    pairs = zip(shape, expected, strict=False)
    return len(shape) == len(expected) and all(want in (-1, size) for size, want in pairs)


def _wrong_steps(result: TraceResult, expected: Mapping[str, Sequence[int]]) -> list[str]:
    from shapescope.diagnostic import did_you_mean

    first: dict[str, tuple[int | str, ...]] = {}
    for step in result.trace.steps:
        if step.kind == "module" and step.outputs:
            first.setdefault(step.path, step.outputs[0].shape)
    wrong = []
    for path, shape in expected.items():
        if path not in first:
            called = [name for name in first if name]
            more = f", ... {len(called)} in all" if len(called) > _LISTED else ""
            hint = did_you_mean(path, called)
            wrong.append(
                f"no module `{path}` was called"
                + (hint or f"; there are: {', '.join(called[:_LISTED])}{more}")
            )
        elif not _fits(first[path], shape):
            gives = " x ".join(map(str, first[path]))
            wrong.append(f"`{path}` gives {gives}, expected is {' x '.join(map(str, shape))}")
    return wrong
