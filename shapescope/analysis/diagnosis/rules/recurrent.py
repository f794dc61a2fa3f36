"""RNN, LSTM, GRU and attention: input sizes, hidden states, and the axis that is time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapescope.analysis.code import CallSource, call_at, constructor_of
from shapescope.analysis.code.calls import operand_nodes
from shapescope.analysis.code.origins import bindings
from shapescope.analysis.code.source import Code
from shapescope.analysis.diagnosis.finding import Case, Finding, Proposal, finding, label
from shapescope.analysis.diagnosis.history import ints, source_of
from shapescope.analysis.diagnosis.registry import declare, failing
from shapescope.analysis.diagnosis.rules.layers import (
    make_instead,
    maker_of,
    output_argument,
    places,
)
from shapescope.analysis.diagnosis.words import (
    arrive,
    here,
    name_of,
    operand_labels,
    plural,
    primary,
    shape_text,
)
from shapescope.analysis.fixes.batch import (
    dim_of,
    maker_of_attention,
    other_dim,
    set_batch_first,
)
from shapescope.analysis.fixes.constructor import argument_label, set_argument
from shapescope.analysis.fixes.flatten import edit_operand, entered_through
from shapescope.attrs import AttentionAttrs, RecurrentAttrs
from shapescope.diagnostic import Edit, Label
from shapescope.trace import Step, Trace

INPUT = declare("rnn-input-size", "a recurrent layer gets another number of features than it takes")
HIDDEN = declare("rnn-hidden-shape", "a hidden state of another batch, depth or width")
INPUT_RANK = declare("rnn-input-rank", "a recurrent layer gets more or fewer axes than it takes")
ATTENTION = declare("attention-shape", "query, key, value or mask of an attention do not fit")


@failing("lstm", "gru", "rnn")
def recurrent(case: Case) -> Iterator[Finding]:
    """Why a recurrent layer refuses its input or its hidden state."""
    step = case.failed
    if step is None or not isinstance(step.attrs, RecurrentAttrs) or not step.inputs:
        return
    attrs, sizes = step.attrs, ints(step.inputs[0].shape)
    if len(sizes) not in (2, 3):
        yield _rank(case, step, sizes)
        return
    if sizes[-1] != attrs.input_size:
        yield _input_size(case, step, sizes, attrs)
        return
    layers = attrs.num_layers * (2 if attrs.bidirectional else 1)
    batch = None if len(sizes) == 2 else sizes[0 if attrs.batch_first else 1]
    wanted = (layers, *(() if batch is None else (batch,)), attrs.proj_size or attrs.hidden_size)
    for position in range(1, len(step.inputs)):
        given = ints(step.inputs[position].shape)
        width = attrs.hidden_size if position > 1 else wanted[-1]
        if given != (*wanted[:-1], width):
            yield _hidden(case, step, position, given, (*wanted[:-1], width), attrs)
            return


def _rank(case: Case, step: Step, sizes: tuple[int, ...]) -> Finding:
    trace = case.trace
    form = "batch x time x features"
    if isinstance(step.attrs, RecurrentAttrs) and not step.attrs.batch_first:
        form = "time x batch x features"
    proposals: list[Proposal] = []
    if len(sizes) == 4 and isinstance(step.attrs, RecurrentAttrs):
        wanted = step.attrs.input_size
        if sizes[1] == 1 and sizes[3] == wanted:
            proposals += edit_operand(step, trace, ".squeeze(1)", "drop the channel axis of 1")
        if sizes[1] * sizes[2] == wanted:
            proposals += edit_operand(
                step, trace, ".flatten(1, 2).transpose(1, 2)", "a row of features for each column"
            )
        if sizes[2] * sizes[3] == wanted:
            proposals += edit_operand(step, trace, ".flatten(2)", "one row for each channel")
        if sizes[1] == wanted:
            proposals += edit_operand(
                step, trace, ".flatten(2).transpose(1, 2)", "one row for each place of the map"
            )
        if sizes[1] * sizes[3] == wanted:
            proposals += edit_operand(
                step, trace, ".transpose(1, 2).flatten(2)", "one row for each line of the map"
            )
    if len(sizes) == 1:
        proposals += edit_operand(step, trace, "[:, None, None]", "a sequence of one feature each")
    return finding(
        INPUT_RANK,
        f"`{name_of(step)}` takes 3 axes, but {shape_text(sizes)} has {len(sizes)}",
        step=step,
        labels=places(trace, step, "input_size", f"takes {form}"),
        why=(f"{name_of(step)} takes {form}; {shape_text(sizes)} arrives",),
        proposals=proposals,
    )


def _input_size(case: Case, step: Step, sizes: tuple[int, ...], attrs: RecurrentAttrs) -> Finding:
    trace = case.trace
    wanted = attrs.input_size
    proposals: list[Proposal] = []
    if len(sizes) == 3 and sizes[1] == wanted:
        proposals += edit_operand(step, trace, ".transpose(1, 2)", "bring the features to the end")
    if wanted == 1:
        proposals += edit_operand(step, trace, ".unsqueeze(-1)", "give every value an axis")
    proposals += set_argument(
        trace, step.path, "input_size", sizes[-1], f"take the {sizes[-1]} that arrive"
    )
    maker = maker_of(trace, step)
    proposals += make_instead(trace, maker, wanted)
    return finding(
        INPUT,
        f"`{name_of(step)}` takes {wanted} features, but the last axis has {sizes[-1]}",
        step=step,
        labels=places(trace, step, "input_size", f"input_size = {wanted}"),
        why=(f"{shape_text(sizes)}: the last axis is {sizes[-1]}, not {wanted}",),
        proposals=proposals,
    )


def _hidden(
    case: Case,
    step: Step,
    position: int,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    attrs: RecurrentAttrs,
) -> Finding:
    trace = case.trace
    sizes = ints(step.inputs[0].shape)
    first = "batch" if attrs.batch_first else "time"
    order = ("batch", "time") if attrs.batch_first else ("time", "batch")
    why = [
        f"{shape_text(sizes)} is {order[0]} {sizes[0]} x {order[1]} {sizes[1]} x features "
        f"{sizes[-1]}, so the state is num_layers {attrs.num_layers}"
        + (" * 2 directions" if attrs.bidirectional else "")
        + f" x batch {wanted[1] if len(wanted) > 2 else ''} x {wanted[-1]}"
    ]
    notes = []
    batch_wrong = len(given) == len(wanted) == 3 and given[1] != wanted[1]
    if batch_wrong and not attrs.batch_first and given[1] == sizes[0]:
        notes.append(f"batch_first is not set, so axis 0 ({sizes[0]}) is read as {first}")
    elif batch_wrong:
        notes.append(f"a batch of {given[1]} fits, any other one does not: the last of an epoch")
    maker = source_of(trace, step, position)
    return finding(
        HIDDEN,
        f"the hidden state is {shape_text(given)}, but `{name_of(step)}` needs "
        f"{shape_text(wanted)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            argument_label(trace, step.path, "hidden_size", f"hidden_size = {attrs.hidden_size}")
            if given[-1:] != wanted[-1:]
            else None,
            *(_state_labels(trace, step, maker, given)),
            label(step.defined_at, "batch_first is left out, and is False")
            if batch_wrong and not attrs.batch_first and given[1] == sizes[0]
            else None,
        ),
        why=why,
        notes=notes,
        proposals=_hidden_proposals(trace, step, position, given, wanted, attrs),
    )


def _state_labels(
    trace: Trace, step: Step, maker: Step | None, given: tuple[int, ...]
) -> Iterator[Label | None]:
    """The call that made the state, and where its batch size comes from."""
    if maker is None:
        return
    yield label(maker.call_site, f"made {shape_text(given)}")
    if isinstance(maker.attrs, RecurrentAttrs):
        depth = maker.attrs.num_layers
        yield argument_label(trace, maker.path, "num_layers", f"num_layers = {depth}")
        if isinstance(step.attrs, RecurrentAttrs) and step.attrs.num_layers != depth:
            own = f"num_layers = {step.attrs.num_layers}"
            yield argument_label(trace, step.path, "num_layers", own)
    for code, node in _batch_nodes(trace, maker, given):
        yield Label(code.span(node), f"{given[1]} comes from here")


def _batch_nodes(
    trace: Trace, maker: Step, given: tuple[int, ...]
) -> Iterator[tuple[Code, ast.expr]]:
    """The expressions that decide the batch of a state, the farthest first."""
    call = call_at(maker.call_site)
    if call is None or len(given) != 3:
        return
    nodes = [arg for arg in call.node.args if not isinstance(arg, ast.Starred)]
    if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
        nodes = list(nodes[0].elts)
    if len(nodes) < 3:
        return
    node: ast.expr = nodes[1]
    found = [(call.code, node)]
    for _ in range(4):
        further = bindings(trace, maker.path, found[-1][0], found[-1][1])
        inside = [one for one in further if one.kind == "argument" or one.kind == "assigned"]
        if not inside or one_in_init(inside[0].code, inside[0].node):
            break
        found.append((inside[0].code, inside[0].node))
    yield from reversed(found)


def one_in_init(code: Code, node: ast.expr) -> bool:
    """Whether an expression stands in an __init__ or outside of any function."""
    function = code.function(node)
    return function is None or function.name == "__init__"


def _hidden_proposals(
    trace: Trace,
    step: Step,
    position: int,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    attrs: RecurrentAttrs,
) -> Iterator[Proposal]:
    sizes = ints(step.inputs[0].shape)
    same_rank = len(given) == len(wanted) == 3
    if same_rank and given[1] != wanted[1]:
        if not attrs.batch_first and given[1] == sizes[0]:
            yield from batch_first(trace, step.path)
        maker = source_of(trace, step, position)
        axis = 0 if attrs.batch_first else 1
        if maker is not None:
            for code, node in _batch_nodes(trace, maker, given):
                text = _batch_text(trace, code, node, step, axis)
                if text is not None:
                    yield Proposal(
                        "size the state by the batch that arrives",
                        (code.replace(node, text),),
                        kind="state",
                    )
    maker = source_of(trace, step, position)
    depth = wanted[0] // (2 if attrs.bidirectional else 1)
    if same_rank and given[0] != wanted[0]:
        if maker is not None and isinstance(maker.attrs, RecurrentAttrs):
            yield from set_argument(
                trace,
                maker.path,
                "num_layers",
                wanted[0] // (2 if maker.attrs.bidirectional else 1),
                f"give `{name_of(maker)}` as many layers",
                kind="layers",
            )
            yield from set_argument(
                trace, step.path, "num_layers", max(given[0] * depth // wanted[0], 1),
                f"give `{name_of(step)}` as many layers",
                kind="layers",
            )  # fmt: skip
        else:
            yield from _layers(trace, step, position, wanted)
    if same_rank and given[:2] == wanted[:2]:
        yield from _widths(trace, step, given[2], wanted[2])
    if maker is None or not isinstance(maker.attrs, RecurrentAttrs):
        yield from _without_state(step)


def _widths(trace: Trace, step: Step, given: int, wanted: int) -> Iterator[Proposal]:
    """Every state as wide as the layer, where it is made."""
    edits: list[Edit] = []
    for position in range(1, len(step.inputs)):
        maker = source_of(trace, step, position)
        call = None if maker is None else call_at(maker.call_site)
        if call is None:
            return
        nodes = list(call.node.args)
        if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
            nodes = list(nodes[0].elts)
        if len(nodes) < 3:
            return
        text = call.code.text(nodes[2])
        named = isinstance(nodes[2], ast.Name | ast.Attribute)
        if named and given % wanted == 0:
            text = f"{text} // {given // wanted}"
        elif named and wanted % given == 0:
            text = f"{text} * {wanted // given}"
        else:
            text = str(wanted)
        edits.append(call.code.replace(nodes[2], text))
    if edits:
        yield Proposal(f"make the state {wanted} wide", tuple(dict.fromkeys(edits)), kind="width")


@failing("lstm_cell", "gru_cell", "rnn_cell")
def cell(case: Case) -> Iterator[Finding]:
    """Why a single step of a recurrent layer refuses its input."""
    step = case.failed
    if step is None or not isinstance(step.attrs, RecurrentAttrs) or not step.inputs:
        return
    trace, wanted, sizes = case.trace, step.attrs.input_size, ints(step.inputs[0].shape)
    if not sizes or sizes[-1] == wanted:
        return
    maker = maker_of(trace, step)
    cut = maker if maker is not None and maker.op in ("split", "chunk", "unbind") else None
    proposals: list[Proposal] = []
    if cut is not None and dim_of(cut) == 0:
        proposals += other_dim(trace, cut, (1,), "cut along axis")
    proposals += set_argument(
        trace, step.path, "input_size", sizes[-1], f"take the {sizes[-1]} that arrive"
    )
    proposals += make_instead(trace, maker, wanted)
    yield finding(
        INPUT,
        f"`{name_of(step)}` takes {plural(wanted, 'feature')}, but {arrive(sizes[-1])}",
        step=step,
        labels=(
            *places(trace, step, "input_size", f"input_size = {wanted}"),
            None if cut is None else label(cut.call_site, _cut_text(cut)),
        ),
        why=(f"{shape_text(sizes)}: the last axis is {sizes[-1]}, not {wanted}",),
        proposals=proposals,
    )


def _cut_text(cut: Step) -> str:
    return f"{shape_text(cut.inputs[0].shape)} cut into {shape_text(cut.outputs[0].shape)}"


def _batch_text(trace: Trace, code: Code, node: ast.expr, step: Step, axis: int) -> str | None:
    """The size of the batch, said with what the function around a node has at hand."""
    function = code.function(node)
    if function is None:
        return None
    names = [arg.arg for arg in function.args.args if arg.arg != "self"]
    inputs = {(spec.name or "").split(".")[0] for spec in trace.inputs}
    known = next((name for name in names if name in inputs), None)
    if function.name == "forward" and known is None and names:
        known = names[0]
    if known is None:
        return None
    return f"{known}.size({axis})"


def _layers(trace: Trace, step: Step, position: int, wanted: tuple[int, ...]) -> Iterator[Proposal]:
    """The state as deep as the layer, where it is made."""
    maker = source_of(trace, step, position)
    call = None if maker is None else call_at(maker.call_site)
    if call is None or not call.node.args:
        return
    node = call.node.args[0]
    if isinstance(node, ast.Tuple | ast.List) and node.elts:
        node = node.elts[0]
    written = call.code.text(node)
    doubled = f"{written} * 2" if isinstance(node, ast.Name | ast.Attribute) else str(wanted[0])
    for text in (doubled, str(wanted[0])):
        yield Proposal(
            f"make the state {wanted[0]} deep", (call.code.replace(node, text),), kind="state"
        )


def _without_state(step: Step) -> Iterator[Proposal]:
    """Leave the state away: the layer starts with zeros of the right size."""
    call = call_at(step.call_site)
    if call is None or len(call.node.args) != 2 or call.node.keywords:
        return
    function = call.code.text(call.node.func)
    text = f"{function}({call.code.text(call.node.args[0])})"
    yield Proposal(
        "leave the state away: it starts as zeros of the right size",
        (call.code.replace(call.node, text),),
        kind="stateless",
        follow=False,
    )


def batch_first(trace: Trace, path: str) -> Iterator[Proposal]:
    """`batch_first=True` in the constructor."""
    call = constructor_of(trace, path)
    if call is not None:
        yield Proposal(
            "read axis 0 as the batch", (_set_flag(call, "batch_first"),), kind="batch_first"
        )


def _set_flag(call: CallSource, name: str) -> Edit:
    return call.set(name, "True")


@failing("multi_head_attention", "scaled_dot_product_attention")
def attention(case: Case) -> Iterator[Finding]:
    """Why an attention refuses query, key, value or a mask."""
    step = case.failed
    if step is None or len(step.inputs) < 2:
        return
    trace, attrs = case.trace, step.attrs
    shapes = [ints(spec.shape) for spec in step.inputs]
    proposals: list[Proposal] = []
    labels: list[Label | None] = []
    why = [f"query {shape_text(shapes[0])}, key {shape_text(shapes[1])}"]
    message = (
        f"`{name_of(step)}` cannot attend from {shape_text(shapes[0])} to {shape_text(shapes[1])}"
    )
    if isinstance(attrs, AttentionAttrs):
        order = "batch x time" if attrs.batch_first else "time x batch"
        why.append(f"read as {order} x features; embed_dim = {attrs.embed_dim}")
        if shapes[0][-1:] != (attrs.embed_dim,):
            message = (
                f"`{name_of(step)}` takes {attrs.embed_dim} features, but {arrive(shapes[0][-1])}"
            )
            proposals += set_argument(
                trace,
                step.path,
                "embed_dim",
                shapes[0][-1],
                f"take the {shapes[0][-1]} that arrive",
            )
            proposals += make_instead(trace, maker_of(trace, step), attrs.embed_dim)
            labels += _width_labels(trace, step, attrs.embed_dim, shapes[0][-1])
        elif shapes[1][-1:] != (attrs.kdim,):
            given = shapes[1][-1]
            message = f"`{name_of(step)}` takes keys of {attrs.kdim} features, but {arrive(given)}"
            proposals += make_instead(trace, maker_of(trace, step, 1), attrs.kdim)
            call = constructor_of(trace, step.path)
            if call is not None:
                edits = (call.set("kdim", str(given)), call.set("vdim", str(given)))
                proposals += [_joined(f"take keys and values of {given} features", edits)]
        elif not attrs.batch_first:
            proposals += batch_first(trace, step.path)
    for position in range(3, len(shapes)):
        proposals += _turned(step, position)
    yield finding(
        ATTENTION,
        message,
        step=step,
        labels=(
            primary(
                step.call_site,
                here(step) if entered_through(trace, step) else operand_labels(step),
            ),
            *labels,
            argument_label(trace, step.path, "embed_dim", "") if step.kind == "module" else None,
        ),
        why=why,
        proposals=proposals,
    )


@failing("module")
def transformer(case: Case) -> Iterator[Finding]:
    """Why nn.Transformer refuses source and target before it runs."""
    step = case.failed
    if step is None or step.class_name != "Transformer" or len(step.inputs) < 2:
        return
    trace = case.trace
    source, target = (ints(spec.shape) for spec in step.inputs[:2])
    call = maker_of_attention(trace, step.path)
    if len(source) != 3 or len(target) != 3 or call is None:
        return
    first = _is_set(call, "batch_first")
    place = 0 if first else 1
    if source[place] == target[place]:
        return
    order = "batch x time" if first else "time x batch"
    yield finding(
        ATTENTION,
        f"`{name_of(step)}` reads a batch of {source[place]} from {shape_text(source)} and one of "
        f"{target[place]} from {shape_text(target)}",
        step=step,
        labels=(
            primary(step.call_site, operand_labels(step)),
            None if first else label(call.span, "batch_first is left out, and is False"),
        ),
        why=(
            f"source {shape_text(source)}, target {shape_text(target)}",
            f"read as {order} x features: axis {place} is the batch",
        ),
        proposals=() if first else set_batch_first(trace, step.path),
    )


def _is_set(call: CallSource, name: str) -> bool:
    node = call.argument(name)
    return isinstance(node, ast.Constant) and node.value is True


def _width_labels(trace: Trace, step: Step, wanted: int, given: int) -> Iterator[Label | None]:
    """Where the width of an attention and that of what arrives are written."""
    call = maker_of_attention(trace, step.path)
    name = "embed_dim" if call is not None and call.callee == "MultiheadAttention" else "d_model"
    node = None if call is None else call.argument(name)
    if call is not None and node is not None:
        yield label(call.code.span(node), f"{name} = {wanted}")
    maker = maker_of(trace, step)
    argument = None if maker is None else output_argument(maker)
    if maker is not None and argument is not None:
        text = f"`{name_of(maker)}` makes {given}"
        yield argument_label(trace, maker.path, argument, text)


def _joined(message: str, edits: tuple[Edit, ...]) -> Proposal:
    """Several keywords added at one place, as one edit."""
    first = edits[0]
    if all(edit.span == first.span for edit in edits):
        edits = (Edit(first.span, "".join(edit.replacement for edit in edits)),)
    return Proposal(message, edits, kind="consumer")


def _turned(step: Step, position: int) -> Iterator[Proposal]:
    """A mask with its two axes swapped."""
    found = operand_nodes(step.call_site)
    call = call_at(step.call_site)
    if found is None or call is None:
        return
    for keyword in call.node.keywords:
        if keyword.arg in ("key_padding_mask", "attn_mask"):
            text = call.code.text(keyword.value)
            yield Proposal(
                "turn the mask", (call.code.replace(keyword.value, f"{text}.transpose(0, 1)"),),
                kind="mask",
            )  # fmt: skip
