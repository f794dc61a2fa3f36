"""Ops on two tensors and more, value by value, that broadcast."""

from __future__ import annotations

from shapescope.ops.flow import Flows, aligned
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis,
    axis_refusal,
    broadcast,
    broadcast_refusal,
    few_axes_refusal,
    joint_refusal,
    joint_shape,
    no_axes_refusal,
    ranks_refusal,
    shape,
    shapes,
    text,
    without,
)
from shapescope.trace import Step


def _text(step: Step) -> tuple[str, ...]:
    """Both shapes and what they make, where they differ."""
    made = joint_shape(step)
    if made is None or len(set(shapes(step))) == 1:
        return ()
    return (f"{' , '.join(map(text, shapes(step)))} -> {text(made[0])}".replace(" , ", ", "),)


BROADCASTING = """
add sub mul div floor_divide remainder fmod pow float_power maximum minimum fmax
fmin atan2 hypot eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and bitwise_or
bitwise_xor bitwise_left_shift bitwise_right_shift lerp addcmul addcdiv copysign nextafter xlogy
xlog1py heaviside logaddexp logaddexp2 isclose polar complex gcd lcm ldexp clamp
clamp_min clamp_max masked_fill zeta gammainc gammaincc
igamma igammac
"""
"""Ops whose inputs broadcast to the shape of their output."""

_SAVES = {
    **dict.fromkeys(("mul", "div", "addcmul", "addcdiv"), "partners"),
    **dict.fromkeys(("pow", "clamp", "clamp_min", "clamp_max"), "input"),
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "atan2", "hypot", "xlogy"), "inputs"),
    **dict.fromkeys(("gammainc", "gammaincc", "igamma", "igammac"), "inputs"),
    "masked_fill": "indices",
}
"""What each keeps for the backward pass; sums and comparisons keep nothing."""

for _name in BROADCASTING.split():
    register(
        Op(
            _name,
            {
                "clamp": "input min max",
                "lerp": "input end weight",
                "addcmul": "input tensor1 tensor2",
                "addcdiv": "input tensor1 tensor2",
                "masked_fill": "input mask value",
                "pow": "input exponent",
            }.get(_name, "input other"),
            shape_rule=joint_shape,
            refusal_rule=joint_refusal,
            formula_rule=_text,
            free=True,
            saves=_SAVES.get(_name, ""),
        )
    )


def _similarity_shape(step: Step) -> tuple[Ints, ...] | None:
    """Cosine similarity and distance in pairs: broadcast, then one axis less."""
    made = broadcast(*shapes(step)[:2])
    default = 1 if step.op == "cosine_similarity" else -1
    along = None if made is None else axis(argument(step, "dim", default), len(made))
    if made is None or along is None:
        return None
    return (without(made, (along,)),)


def _similarity_refusal(step: Step) -> str | None:
    made = broadcast(*shapes(step)[:2])
    return joint_refusal(step) if made is None else axis_refusal(made, argument(step, "dim", 1))


register(
    Op(
        "cosine_similarity",
        "x1 x2 dim eps",
        modules=("CosineSimilarity",),
        settings=("dim", "eps"),
        shape_rule=_similarity_shape,
        saves="inputs",
        refusal_rule=_similarity_refusal,
        free=True,
        changes_axes=True,
    )
)


def _pairwise_shape(step: Step) -> tuple[Ints, ...] | None:
    made = broadcast(*shapes(step)[:2])
    if made is None or not made:
        return None
    return ((*made[:-1], 1),) if argument(step, "keepdim", False) else (made[:-1],)


register(
    Op(
        "pairwise_distance",
        "x1 x2 p eps keepdim",
        modules=("PairwiseDistance",),
        settings=("norm", "eps", "keepdim"),
        shape_rule=_pairwise_shape,
        saves="inputs",
        refusal_rule=joint_refusal,
        free=True,
        changes_axes=True,
    )
)


def _cross_axis(step: Step) -> int | None:
    """The axis of the three coordinates: the last, in torch.cross the first of size 3."""
    sizes = shape(step)
    default = sizes.index(3) if step.op == "cross" and 3 in sizes else -1
    return axis(argument(step, "dim", default), len(sizes))


def _cross_refusal(step: Step) -> str | None:
    reason, made = joint_refusal(step), joint_shape(step)
    if reason is not None or made is None:
        return reason
    reason, along = ranks_refusal(*shapes(step)), _cross_axis(step)
    if reason is not None:
        return reason
    if along is None or not made[0]:
        return no_axes_refusal(made[0], argument(step, "dim", -1))
    if any(sizes[along] != 3 for sizes in shapes(step)):
        where = "no axis" if argument(step, "dim") is None else f"axis {along} not"
        return f"{' and '.join(map(text, shapes(step)))}: {where} of size 3, for 3 coordinates"
    return None


def _cross_flow(step: Step) -> Flows | None:
    """Each coordinate of the product reads the others of both sides."""
    along, made = _cross_axis(step), joint_shape(step)
    if along is None or made is None:
        return None
    flows = (aligned(sizes, made[0]) for sizes in shapes(step))
    return tuple((*flow[:along], None, *flow[along + 1 :]) for flow in flows)


for _name in ("cross", "linalg_cross"):
    register(
        Op(
            _name,
            "input other dim",
            shape_rule=joint_shape,
            refusal_rule=_cross_refusal,
            flow_rule=_cross_flow,
            free=True,
        )
    )


def _cdist_shape(step: Step) -> tuple[Ints, ...] | None:
    if len(step.inputs) < 2 or min(len(shape(step)), len(shape(step, 1))) < 2:
        return None
    leading = broadcast(shape(step)[:-2], shape(step, 1)[:-2])
    return None if leading is None else ((*leading, shape(step)[-2], shape(step, 1)[-2]),)


def _cdist_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2:
        return None
    left, right = shapes(step)[:2]
    reason = few_axes_refusal(left, 2) or few_axes_refusal(right, 2)
    if reason is None and left[-1] != right[-1]:
        return f"the points have {left[-1]} coordinates on one side, but {right[-1]} on the other"
    return reason or broadcast_refusal(left[:-2], right[:-2])


register(
    Op(
        "cdist",
        "x1 x2 p compute_mode",
        shape_rule=_cdist_shape,
        refusal_rule=_cdist_refusal,
        changes_axes=True,
    )
)


def _vecdot_shape(step: Step) -> tuple[Ints, ...] | None:
    made = broadcast(*shapes(step)[:2])
    summed = None if made is None else axes((argument(step, "dim", -1),), len(made))
    return None if made is None or summed is None else (without(made, summed),)


def _vecdot_macs(step: Step) -> int | None:
    made = broadcast(*shapes(step)[:2])
    total = 1
    for size in made or ():
        total *= size
    return None if made is None else total


register(
    Op(
        "vecdot",
        "input other dim",
        shape_rule=_vecdot_shape,
        refusal_rule=joint_refusal,
        macs_rule=_vecdot_macs,
        changes_axes=True,
    )
)
