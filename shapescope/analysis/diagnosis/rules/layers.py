"""What the rules about layers share: where a layer stands, and who made what it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shapescope.analysis.code import code_of
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, label
from shapescope.analysis.diagnosis.history import passes, source_of
from shapescope.analysis.diagnosis.words import here, name_of, primary
from shapescope.analysis.fixes.constructor import (
    argument_label,
    argument_span,
    origin_labels,
    set_argument,
)
from shapescope.analysis.fixes.flatten import entered_through, is_own, own_call
from shapescope.analysis.fixes.known_names import as_written
from shapescope.attrs import ConvAttrs, EmbeddingAttrs, LinearAttrs, RecurrentAttrs
from shapescope.diagnostic import Label
from shapescope.trace import Step, Trace


def places(
    trace: Trace, step: Step, argument: str, defined: str, shown: str | None = None
) -> tuple[Label | None, ...]:
    """The labels of a layer: its call and its constructor, the primary one first.

    Below a container the constructor is what a reader looks for; the call that entered the
    container is named beside it.

    Args:
        trace: tells how the modules lie.
        step: the layer's call.
        argument: of its constructor, to be marked.
        defined: the text under it.
        shown: the text under the call; what arrives there by default.
    """
    if entered_through(trace, step):
        through = " ".join(call_text(step).split())
        return (
            primary(argument_span(trace, step.path, argument) or step.defined_at, defined),
            label(step.call_site, f"called through `{through}`"),
            *origin_labels(trace, step.path, argument, "the number comes from here"),
        )
    return (
        primary(step.call_site, here(step) if shown is None else shown),
        argument_label(trace, step.path, argument, defined) if step.kind == "module" else None,
        *origin_labels(trace, step.path, argument, "the number comes from here"),
    )


def from_own_files(case: Case, given: Finding) -> Finding:
    """A finding about a layer of an installed package, told from the user's own lines.

    The first of these is the primary one: the number in a constructor of the user's, or else the
    call that leads into the package.
    """
    step = case.failed
    if step is None or is_own(step.call_site):
        return given
    own = own_call(case.trace, step)
    if not is_own(own.call_site):
        return given
    entry = label(own.call_site, f"`{name_of(step)}` is reached through this call")
    known = [one for one in given.diagnostic.labels if is_own(one.span)]
    labels = [*known, *([] if entry is None else [entry])]
    labels += [one for one in given.diagnostic.labels if one not in known]
    first, *rest = [replace(one, primary=False) for one in labels]
    shown = dict.fromkeys((replace(first, primary=True), *rest))
    return replace(given, diagnostic=replace(given.diagnostic, labels=tuple(shown)))


def call_text(step: Step) -> str:
    """The call as it is written."""
    span = step.call_site
    code = None if span is None else code_of(span.file)
    return step.path if code is None or span is None else code.slice(span)


def class_name(trace: Trace, step: Step) -> str:
    """`MaxPool2d` for a module, the op's name for a call."""
    if step.kind != "module":
        return step.op
    return next((spec.class_name for spec in trace.modules if spec.path == step.path), step.op)


def maker_of(trace: Trace, step: Step, position: int = 0) -> Step | None:
    """The step that decided the sizes of an input, behind what passes it on as it is."""
    maker = source_of(trace, step, position)
    while maker is not None and passes(maker):
        maker = source_of(trace, maker)
    return maker


def width_maker(trace: Trace, step: Step, position: int) -> Step | None:
    """The step that decided the last axis of an input, also where that was moved to the end."""
    maker = maker_of(trace, step, position)
    width = step.inputs[position].shape[-1:]
    while maker is not None and maker.op in _TURNS and maker.inputs and width:
        if maker.inputs[0].shape[1:2] != width and maker.inputs[0].shape[-1:] != width:
            return maker
        above = maker_of(trace, maker)
        if above is None:
            return maker
        maker = above
        if maker.inputs and maker.outputs and maker.outputs[0].shape[1:2] == width:
            while maker is not None and keeps_channels(maker):
                maker = source_of(trace, maker)
    return maker


_TURNS = frozenset({"transpose", "permute", "flatten", "movedim", "swapaxes"})


def keeps_channels(step: Step) -> bool:
    """Whether axis 1 comes out as it went in."""
    if not step.inputs or not step.outputs or len(step.inputs[0].shape) < 2:
        return False
    made, given = step.outputs[0].shape, step.inputs[0].shape
    if isinstance(step.attrs, ConvAttrs | LinearAttrs | RecurrentAttrs | EmbeddingAttrs):
        return False
    moved = ("cat", "reshape", "view", "permute", "transpose", "flatten", "stack", "getitem")
    return len(made) == len(given) and made[1] == given[1] and step.op not in moved


def channel_maker(trace: Trace, step: Step) -> tuple[Step | None, list[Step]]:
    """The step that decided the channels of an input, and those in between that keep them."""
    between: list[Step] = []
    maker = source_of(trace, step)
    while maker is not None and keeps_channels(maker):
        between.append(maker)
        maker = source_of(trace, maker)
    return maker, list(reversed(between))


def joined_widths(maker: Step | None, given: int) -> tuple[int, ...]:
    """The sizes that a cat joined to a last axis of `given`."""
    if maker is None or maker.op != "cat":
        return ()
    parts = tuple(
        size for spec in maker.inputs for size in spec.shape[-1:] if isinstance(size, int)
    )
    return parts if sum(parts) == given else ()


def output_argument(step: Step) -> str | None:
    """The constructor's argument that decides how many channels or features a layer makes."""
    attrs = step.attrs
    if step.kind != "module":
        return None
    if isinstance(attrs, ConvAttrs):
        return "out_channels"
    if isinstance(attrs, LinearAttrs):
        return "out_features"
    if isinstance(attrs, EmbeddingAttrs):
        return "embedding_dim"
    if isinstance(attrs, RecurrentAttrs):
        return "hidden_size"
    return None


def as_the_maker(trace: Trace, step: Step, argument: str, maker: Step | None) -> Iterator[Proposal]:
    """What the layer in front writes for its output, taken for the input."""
    made = None if maker is None else output_argument(maker)
    if maker is None or made is None or step.kind != "module":
        return
    width = maker.outputs[0].shape[1 if made == "out_channels" else -1]
    if getattr(maker.attrs, made, width) != width:
        return  # both directions of a recurrent layer are more than one of them
    message = f"take the {width} that arrive"
    yield from as_written(trace, step.path, argument, maker.path, made, message)


def make_instead(
    trace: Trace, maker: Step | None, value: int, factors: Sequence[int] = ()
) -> Iterator[Proposal]:
    """Proposals that let the maker make what its consumer takes, spelled as a product if it is."""
    argument = None if maker is None else output_argument(maker)
    if maker is None or argument is None:
        return
    yield from set_argument(
        trace,
        maker.path,
        argument,
        value,
        f"make {value} in `{name_of(maker)}`",
        inline=True,
        prefix=f"make {value} in `{name_of(maker)}`: ",
        kind="producer",
        factors=factors,
    )


def names_list(names: Sequence[str]) -> str:
    """`ReLU and MaxPool2d`."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) < 2:
        return "".join(distinct)
    return f"{', '.join(distinct[:-1])} and {distinct[-1]}"
