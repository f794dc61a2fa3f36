"""What each axis of a parameter stands for, in words: `6 kernels x 1 input channel x 5 x 5`."""

from __future__ import annotations

from shapescope.attrs import (
    AttentionAttrs,
    Attrs,
    ConvAttrs,
    EmbeddingAttrs,
    LinearAttrs,
    NormAttrs,
    RecurrentAttrs,
)

_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_GATES = {"lstm": 4, "lstm_cell": 4, "gru": 3, "gru_cell": 3}
_GATE_NAMES = {
    4: "input, forget, cell and output gate",
    3: "reset, update and new gate",
}


def axis_meaning(name: str, shape: tuple[int, ...], op: str, attrs: Attrs | None) -> str:
    """The axes of a parameter in words, its own numbers in them.

    Args:
        name: the parameter's name in its module: `weight`, `bias`, `weight_ih_l0`.
        shape: its shape.
        op: the op of the module that holds it, `conv2d`; empty if that is no layer.
        attrs: how that module is configured.

    Returns:
        One phrase, or "" where nothing is known of the parameter beyond its shape.
    """
    match attrs:
        case ConvAttrs():
            return _conv(name, shape, attrs, transposed="transpose" in op)
        case LinearAttrs():
            return _linear(name, shape)
        case NormAttrs():
            return _norm(name, shape, attrs)
        case EmbeddingAttrs():
            return f"{shape[0]:,} entries x {_count(shape[1], 'value')} each"
        case RecurrentAttrs():
            return _recurrent(name, shape, op, attrs)
        case AttentionAttrs():
            return _attention(name, shape, attrs)
        case _:
            return ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _conv(name: str, shape: tuple[int, ...], attrs: ConvAttrs, *, transposed: bool) -> str:
    if len(shape) == 1:
        return f"one for each of {_count(shape[0], 'output channel')}"
    if len(shape) < 3 or not name.endswith("weight"):
        return ""
    window = shape[2:]
    axes = " x ".join(_AXES.get(len(window), ()))
    kernel = " x ".join(map(str, window)) + (f" ({axes})" if axes else "")
    grouped = f" of each of {attrs.groups} groups" if attrs.groups > 1 else ""
    if transposed:
        first = _count(shape[0], "input channel")
        second = _count(shape[1], "output channel")
    else:
        first = _count(shape[0], "kernel")
        second = _count(shape[1], "input channel")
        if attrs.groups > 1:
            grouped = f" (each kernel sees one of {attrs.groups} groups)"
    return f"{first} x {second}{grouped} x {kernel}"


def _linear(name: str, shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return f"{shape[0]:,} out_features x {shape[1]:,} in_features"
    return f"one for each of {shape[0]:,} out_features" if len(shape) == 1 else ""


def _norm(name: str, shape: tuple[int, ...], attrs: NormAttrs) -> str:
    role = {"weight": "scale", "bias": "shift"}.get(name, "value")
    if attrs.normalized_shape is not None:
        return f"one {role} for each of {' x '.join(map(str, shape))} normalised values"
    return f"one {role} for each of {_count(shape[0], 'channel')}" if shape else ""


def _recurrent(name: str, shape: tuple[int, ...], op: str, attrs: RecurrentAttrs) -> str:
    gates = _GATES.get(op, 1)
    hidden = attrs.hidden_size
    rows = f"{hidden:,} hidden"
    if gates > 1:
        rows = f"{shape[0]:,} = {gates} x {hidden:,} ({_GATE_NAMES[gates]} x hidden)"
    if name.startswith("weight_hr"):
        return f"{shape[0]:,} projected x {shape[1]:,} hidden"
    if name.startswith("weight_ih"):
        source = (
            "input" if name.startswith("weight_ih_l0") or attrs.cell else "from the layer below"
        )
        return f"{rows} x {shape[1]:,} {source}"
    if name.startswith("weight_hh"):
        return f"{rows} x {shape[1]:,} {'projected' if attrs.proj_size else 'hidden'}"
    return f"one for each of {rows}" if name.startswith("bias") else ""


def _attention(name: str, shape: tuple[int, ...], attrs: AttentionAttrs) -> str:
    embed = attrs.embed_dim
    tripled = f"{shape[0]:,} = 3 x {embed:,} (query, key and value x embed_dim)"
    if name == "in_proj_weight":
        return f"{tripled} x {shape[1]:,} embed_dim"
    if name == "in_proj_bias":
        return f"one for each of {tripled}"
    words = {"q_proj_weight": "embed_dim", "k_proj_weight": "kdim", "v_proj_weight": "vdim"}
    if name in words:
        return f"{shape[0]:,} embed_dim x {shape[1]:,} {words[name]}"
    if name.startswith("out_proj"):
        return _linear(name, shape)
    if name in ("bias_k", "bias_v"):
        return f"1 x 1 x {shape[-1]:,} embed_dim"
    return ""
