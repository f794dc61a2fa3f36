from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shapescope.render.line import Line, plain_text
from shapescope.render.theme import UNICODE, Surface
from shapescope.render.totals import side_by_side, totals_facts, totals_lines, totals_remarks
from shapescope.result import TraceResult
from shapescope.trace import ModuleSpec, Trace


def with_totals(result: TraceResult, **changes: object) -> TraceResult:
    changed = replace(result)
    changed.__dict__["totals"] = replace(result.totals, **changes)  # type: ignore[arg-type]
    return changed


def facts(result: TraceResult) -> dict[str, str]:
    """The facts by name."""
    found = {}
    for fact in totals_facts(result, UNICODE):
        name, text = fact.parts[0][0].strip(), "".join(part for part, _ in fact.parts[1:])
        found[name] = text
    return found


def test_the_facts_of_a_network(network: TraceResult) -> None:
    found = facts(network)
    assert found["params"] == "32,998 (all trainable)"
    assert found["MACs"] == "232,440"
    assert found["memory"].startswith("128.9 KiB params, ")
    assert found["receptive field"] == "16 x 16"
    assert found["checks"] == "✓ 12 of 12 match"


def test_frozen_parameters_buffers_and_large_numbers(network: TraceResult) -> None:
    found = facts(with_totals(network, trainable_params=998, buffers=1, macs=1_814_073_344))
    assert found["params"] == "32,998 (998 trainable) + 1 value in buffers"
    assert found["MACs"] == "1,814,073,344 (1.81 G)"


def test_a_model_without_anything(chain: Callable[..., Trace]) -> None:
    found = facts(TraceResult(chain()))
    assert found["params"] == "0"
    assert "receptive field" not in found


def test_what_is_left_out_is_told(network: TraceResult) -> None:
    some = with_totals(network, not_counted=("grid_sample", "stft"))
    assert totals_remarks(some) == ["no rule for the MACs of: grid_sample, stft"]
    assert totals_remarks(network) == []


def test_what_was_not_reached(broken: TraceResult) -> None:
    assert totals_remarks(broken) == ["not reached: relu, fc1, relu1, fc2"]


def test_a_list_whose_modules_were_reached_in_part(broken: TraceResult) -> None:
    trace = replace(
        broken.trace,
        modules=(
            ModuleSpec("ups", "ModuleList", False),
            ModuleSpec("ups.0", "Block", True),
            ModuleSpec("ups.0.spare", "Conv2d", False),
            ModuleSpec("ups.1", "Block", False),
            ModuleSpec("ups.1.net", "Conv2d", False),
            ModuleSpec("heads", "ModuleList", False),
            ModuleSpec("heads.0", "Linear", False),
        ),
    )
    assert totals_remarks(replace(broken, trace=trace)) == [
        "not reached: ups.0.spare, ups.1, heads"
    ]


def test_only_the_outermost_of_what_was_not_reached(broken: TraceResult) -> None:
    spec = broken.trace.modules[-1]
    inside = replace(spec, path=f"{spec.path}.inner", called=False)
    many = tuple(replace(spec, path=f"extra{number}", called=False) for number in range(9))
    trace = replace(broken.trace, modules=(*broken.trace.modules, inside, *many))
    text = totals_remarks(TraceResult(trace))[0]
    assert "inner" not in text
    assert text.endswith("and 5 more")


def test_facts_share_lines_as_the_width_allows(network: TraceResult) -> None:
    wide = totals_lines(network, Surface(width=200))
    narrow = totals_lines(network, Surface(width=40))
    assert len(wide) == 1
    assert len(narrow) == 5
    assert sorted(plain_text(wide).split()) == sorted(plain_text(narrow).split())


def test_side_by_side_never_drops_a_fact() -> None:
    lines = side_by_side([Line("a" * 30), Line("b" * 30), Line("c")], 40)
    assert [line.plain for line in lines] == ["a" * 30, "b" * 30 + "    c"]
