"""Ops that make one value of many: sum, mean, maximum, norm."""

from __future__ import annotations

from shapescope.ops.flow import Flows, Link, elementwise_flow, reduced_flow
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis,
    axis_refusal,
    joint_refusal,
    joint_shape,
    replaced,
    shape,
    shapes,
    text,
    without,
)
from shapescope.trace import Step

EXTREMES = frozenset({"max", "min", "amax", "amin", "argmax", "argmin", "aminmax"})
"""They have no value where there is nothing to reduce."""

NONLINEAR = frozenset(
    {"prod", "logsumexp", "std", "var", "std_mean", "var_mean", "norm", "amax", "amin"}
)
"""Their gradient depends on values, which autograd keeps."""

RANKED = frozenset({"median", "nanmedian", "mode"})
"""Along an axis, they have no value where it is empty; over all values, the middle one is nan."""

WITH_INDICES = frozenset({"max", "min", "median", "nanmedian", "mode", "kthvalue"})


def reduced_axes(step: Step) -> Ints | None:
    """The axes that are reduced, all of them where the call names none; None where it cannot."""
    given = argument(step, "dim")
    if isinstance(given, bool) or (given == () and step.op in ("amax", "amin")):
        given = None  # std(x, True): its second argument is `unbiased`
    if given is None and step.op in ("mode", "kthvalue", "logsumexp"):
        given = -1
    return axes(given, len(shape(step)))


def _shape(step: Step) -> tuple[Ints, ...] | None:
    if step.op in ("max", "min") and len(step.inputs) == 2:
        return joint_shape(step)
    sizes, gone = shape(step), reduced_axes(step)
    if gone is None:
        return None
    if argument(step, "keepdim", False):
        result: Ints = tuple(1 if at in gone else n for at, n in enumerate(sizes))
    else:
        result = without(sizes, gone)
    pair = step.op in WITH_INDICES and argument(step, "dim") is not None
    if pair or step.op in ("var_mean", "std_mean", "aminmax", "mode", "kthvalue"):
        return result, result
    return (result,)


def _refusal(step: Step) -> str | None:
    if step.op in ("max", "min") and len(step.inputs) == 2:
        return joint_refusal(step)
    sizes, given = shape(step), argument(step, "dim")
    reason = None if isinstance(given, bool) else axis_refusal(sizes, given)
    gone = reduced_axes(step)
    along_one = step.op == "mode" or given is not None
    if step.op not in EXTREMES and not (step.op in RANKED and along_one):
        return reason
    if reason is not None or gone is None:
        return reason
    wanted = gone if given is not None else range(len(sizes))
    for at in wanted:
        if sizes and sizes[at] == 0:
            sought = "no middle" if step.op in RANKED else "no maximum and no minimum"
            return f"axis {at} is empty: over nothing there is {sought}"
    return None


def _kth_refusal(step: Step) -> str | None:
    sizes, number = shape(step), argument(step, "k")
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None:
        return axis_refusal(sizes, argument(step, "dim", -1))
    count = sizes[along] if sizes else 1
    if isinstance(number, int) and not 1 <= number <= count:
        return f"of the {count} along axis {along} there is no smallest number {number}"
    return None


def _flow(step: Step) -> Flows | None:
    if step.op in ("max", "min") and len(step.inputs) == 2:
        return elementwise_flow(step)
    gone = reduced_axes(step)
    if gone is None:
        return None
    return reduced_flow(step, gone, bool(argument(step, "keepdim", False)))


for _names, _signature in (
    ("sum nansum mean nanmean prod all any count_nonzero logsumexp", "input dim keepdim"),
    ("max min median nanmedian mode amax amin argmax argmin", "input dim keepdim"),
    ("std var std_mean var_mean", "input dim unbiased keepdim"),
    ("kthvalue", "input k dim keepdim"),
    ("norm", "input p dim keepdim"),
):
    for _name in _names.split():
        register(
            Op(
                _name,
                _signature,
                shape_rule=_shape,
                refusal_rule=_kth_refusal if _name == "kthvalue" else _refusal,
                flow_rule=_flow,
                free=True,
                changes_axes=True,
                saves="input output" if _name in NONLINEAR else "",
            )
        )
register(
    Op(
        "aminmax",
        "input dim keepdim",
        shape_rule=_shape,
        refusal_rule=_refusal,
        free=True,
        changes_axes=True,
    )
)


def _quantile_shape(step: Step) -> tuple[Ints, ...] | None:
    wanted, gone = argument(step, "q"), reduced_axes(step)
    if gone is None:
        return None
    leading: Ints = ()
    if len(step.inputs) > 1:
        leading = shape(step, 1)
    elif not isinstance(wanted, int | float):
        return None
    sizes = shape(step)
    if argument(step, "keepdim", False):
        return ((*leading, *(1 if at in gone else n for at, n in enumerate(sizes))),)
    return ((*leading, *without(sizes, gone)),)


def _quantile_refusal(step: Step) -> str | None:
    sizes, wanted = shape(step), argument(step, "q")
    dtype = step.inputs[0].dtype if step.inputs else "float32"
    if 0 in sizes:
        return f"{text(sizes)} is empty: of nothing there is no quantile"
    if dtype not in ("float32", "float64"):
        return f"a quantile is taken of float32 or float64, not of {dtype}"
    if len(step.inputs) > 1 and len(shape(step, 1)) > 1:
        return f"the parts are one number or a row of them, not {text(shape(step, 1))}"
    if isinstance(wanted, int | float) and not 0 <= wanted <= 1:
        return f"a part lies between 0 and 1, and {wanted} does not"
    return axis_refusal(sizes, argument(step, "dim"))


for _name in ("quantile", "nanquantile"):
    register(
        Op(
            _name,
            "input q dim keepdim",
            shape_rule=_quantile_shape,
            refusal_rule=_quantile_refusal,
            free=True,
            changes_axes=True,
        )
    )


def _scalar(step: Step) -> tuple[Ints, ...]:
    return ((),)


for _name in ("dist", "trace"):
    register(Op(_name, "input other", shape_rule=_scalar, free=True, changes_axes=True))


def _diff_shape(step: Step) -> tuple[Ints, ...] | None:
    """One value less along the axis each time; what is put in front and behind counts with it."""
    sizes, times = shape(step), argument(step, "n", 1)
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None or not sizes or {len(one) for one in shapes(step)} != {len(sizes)}:
        return None
    if times == 0:
        return (sizes,)
    total = sum(one[along] for one in shapes(step))
    return (replaced(sizes, along, max(total - times, 0)),)


def _diff_refusal(step: Step) -> str | None:
    sizes, times, dim = shape(step), argument(step, "n", 1), argument(step, "dim", -1)
    if not sizes:
        return "a tensor without axes has none"
    if isinstance(times, int) and times < 0:
        return f"differences are taken {times} times, but it cannot be fewer than 0"
    others = shapes(step)[1:]
    along = axis(dim, len(sizes))
    if along is None:
        return None if times == 0 and not others else axis_refusal(sizes, dim)
    for other in others:
        if len(other) != len(sizes) or without(other, (along,)) != without(sizes, (along,)):
            return f"{text(other)} cannot be joined to {text(sizes)} along axis {along}"
    return None


def _diff_flow(step: Step) -> Flows | None:
    """A difference of order n reads n + 1 neighbours; what stands in front shifts them."""
    sizes, times = shape(step), argument(step, "n", 1)
    along = axis(argument(step, "dim", -1), len(sizes))
    if along is None or not sizes or len(step.inputs) > 1:
        return None
    return (tuple(Link(at, 1 + times if at == along else 1) for at in range(len(sizes))),)


register(
    Op(
        "diff",
        "input n dim prepend append",
        shape_rule=_diff_shape,
        refusal_rule=_diff_refusal,
        flow_rule=_diff_flow,
        free=True,
    )
)
