"""Losses: a number, or one for each sample with reduction='none'."""

from __future__ import annotations

from math import prod
from typing import Any

from shapescope.attrs import CallAttrs
from shapescope.ops.registry import Bound, Op, read_plain, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    broadcast,
    broadcast_refusal,
    fits_refusal,
    ranks_refusal,
    shape,
    shapes,
    text,
    without,
)
from shapescope.ops.targets import (
    cosine_refusal,
    ctc_refusal,
    gaussian_refusal,
    margin_refusal,
)
from shapescope.ops.values import shape_of
from shapescope.trace import Step


def _reduces(step: Step) -> bool:
    return bool(argument(step, "reduction", "mean") != "none")


def _classes_axis(step: Step) -> int:
    return 1 if len(shape(step)) > 1 else 0


def _class_shape(step: Step) -> tuple[Ints, ...] | None:
    if _reduces(step):
        return ((),)
    return (without(shape(step), (_classes_axis(step),)),) if shape(step) else None


def class_refusal(step: Step) -> str | None:
    """Why scores and targets do not belong together: cross entropy and negative likelihood."""
    if len(step.inputs) < 2:
        return None
    scores, target = shape(step), shape(step, 1)
    if not scores:
        return "scores without axes have no classes"
    if target == scores and step.inputs[1].dtype.startswith("float"):
        return None
    wanted = without(scores, (_classes_axis(step),))
    if target == wanted or (not wanted and target == (1,)):
        return None
    if target and wanted and target[0] != wanted[0]:
        return f"there are scores of {wanted[0]} samples, but targets of {target[0]}"
    return f"scores {text(scores)} go with targets {text(wanted)}, not {text(target)}"


def _pair_shape(step: Step) -> tuple[Ints, ...] | None:
    if _reduces(step):
        return ((),)
    made = broadcast(*shapes(step)[:2])
    return None if made is None else (made,)


def _same_refusal(step: Step) -> str | None:
    if len(step.inputs) < 2 or shape(step) == shape(step, 1):
        return None
    return f"input {text(shape(step))} and target {text(shape(step, 1))} differ"


def _pair_refusal(step: Step) -> str | None:
    return broadcast_refusal(*shapes(step)[:2])


def _soft_margin_refusal(step: Step) -> str | None:
    return fits_refusal(shape(step, 1), shape(step)) if len(step.inputs) > 1 else None


def _triplet_refusal(step: Step) -> str | None:
    """The features of two at a time, then the distances of both pairs."""
    given = shapes(step)[:3]
    if len(given) < 3:
        return None
    reasons = (
        ranks_refusal(*given),
        *(broadcast_refusal(given[0], other) for other in given[1:]),
        broadcast_refusal(*(sizes[:-1] for sizes in given)),
    )
    return next((reason for reason in reasons if reason is not None), None)


def _ranking_refusal(step: Step) -> str | None:
    """What compares tensors with each other broadcasts sizes, but takes no axis more or less."""
    given = shapes(step)[:3]
    return ranks_refusal(*given) or broadcast_refusal(*given)


def _reduced(step: Step) -> tuple[Ints, ...] | None:
    return ((),) if _reduces(step) else None


def _per_pair(step: Step) -> tuple[Ints, ...] | None:
    """Without the axis of the features, which both sides share."""
    made = broadcast(*shapes(step)[:2])
    return ((),) if _reduces(step) else None if not made else (made[:-1],)


def _per_sample(step: Step) -> tuple[Ints, ...] | None:
    if _reduces(step):
        return ((),)
    return (shape(step)[:1],) if len(shape(step)) > 1 else ((),)


def _without_last(step: Step) -> tuple[Ints, ...] | None:
    made = broadcast(*shapes(step)[:3])
    return ((),) if _reduces(step) else None if not made else (made[:-1],)


def _ctc_shape(step: Step) -> tuple[Ints, ...] | None:
    if _reduces(step):
        return ((),)
    return (shape(step)[1:2],) if len(shape(step)) == 3 else ((),)


def _scores_bytes(step: Step) -> int:
    """Bytes of the logarithms of the probabilities, which the backward pass needs."""
    return 4 * prod(shape(step))


for _name, _class, _signature, _rule, _reason in (
    ("cross_entropy", "CrossEntropyLoss", "input target weight", _class_shape, class_refusal),
    ("nll_loss", "NLLLoss", "input target weight", _class_shape, class_refusal),
    ("mse_loss", "MSELoss", "input target", _pair_shape, _pair_refusal),
    ("l1_loss", "L1Loss", "input target", _pair_shape, _pair_refusal),
    ("smooth_l1_loss", "SmoothL1Loss", "input target", _pair_shape, _pair_refusal),
    ("huber_loss", "HuberLoss", "input target", _pair_shape, _pair_refusal),
    ("kl_div", "KLDivLoss", "input target", _pair_shape, _pair_refusal),
    ("poisson_nll_loss", "PoissonNLLLoss", "input target", _pair_shape, _pair_refusal),
    ("gaussian_nll_loss", "GaussianNLLLoss", "input target var", _pair_shape, gaussian_refusal),
    ("soft_margin_loss", "SoftMarginLoss", "input target", _pair_shape, _soft_margin_refusal),
    (
        "hinge_embedding_loss",
        "HingeEmbeddingLoss",
        "input target margin",
        _pair_shape,
        _pair_refusal,
    ),
    ("binary_cross_entropy", "BCELoss", "input target weight", _pair_shape, _same_refusal),
    (
        "binary_cross_entropy_with_logits",
        "BCEWithLogitsLoss",
        "input target weight",
        _pair_shape,
        _same_refusal,
    ),
    ("multilabel_margin_loss", "MultiLabelMarginLoss", "input target", _per_sample, _same_refusal),
    (
        "multilabel_soft_margin_loss",
        "MultiLabelSoftMarginLoss",
        "input target",
        _per_sample,
        _pair_refusal,
    ),
    ("multi_margin_loss", "MultiMarginLoss", "input target p margin", _per_sample, margin_refusal),
    (
        "cosine_embedding_loss",
        "CosineEmbeddingLoss",
        "input1 input2 target",
        _per_pair,
        cosine_refusal,
    ),
    (
        "margin_ranking_loss",
        "MarginRankingLoss",
        "input1 input2 target",
        _pair_shape,
        _ranking_refusal,
    ),
    (
        "triplet_margin_loss",
        "TripletMarginLoss",
        "anchor positive negative margin",
        _without_last,
        _triplet_refusal,
    ),
    (
        "triplet_margin_with_distance_loss",
        "TripletMarginWithDistanceLoss",
        "anchor positive negative",
        _reduced,
        None,
    ),
    (
        "ctc_loss",
        "CTCLoss",
        "log_probs targets input_lengths target_lengths",
        _ctc_shape,
        ctc_refusal,
    ),
):
    register(
        Op(
            _name,
            _signature,
            modules=(_class,),
            settings=("reduction",),
            shape_rule=_rule,
            refusal_rule=_reason,
            free=True,
            changes_axes=True,
            observed=_rule is _reduced,  # a distance of the user's own
            saves="indices" if _rule is _class_shape else "inputs",
            extra_rule=_scores_bytes if _name == "cross_entropy" else None,
        )
    )


def _linear_call(bound: Bound) -> CallAttrs:
    weight = bound.get("linear_weight")
    given = {"weight": () if weight is None else shape_of(weight)}
    return read_plain({**given, "reduction": bound.get("reduction")})


def _linear_module(module: Any, bound: Bound) -> CallAttrs:
    weight = (module.num_classes, *module.out_features, module.linear.in_features)
    return read_plain({"weight": weight, "reduction": module.reduction})


def _linear_loss_shape(step: Step) -> tuple[Ints, ...] | None:
    """A number for each row of features, and for each axis of the weight between its ends."""
    weight = argument(step, "weight", ())
    if _reduces(step):
        return ((),)
    return ((*shape(step)[:-1], *weight[1:-1]),) if weight else None


def _linear_macs(step: Step) -> int | None:
    """Those of the linear map whose scores the loss compares; a loss has none of its own."""
    weight = argument(step, "weight", ())
    return prod(shape(step)) * prod(weight[:-1]) if weight else None


register(
    Op(
        "linear_cross_entropy",
        "input linear_weight target",
        weights=("linear_weight", "linear_bias"),
        modules=("LinearCrossEntropyLoss",),
        from_call=_linear_call,
        from_module=_linear_module,
        shape_rule=_linear_loss_shape,
        macs_rule=_linear_macs,
        saves="inputs",
        changes_axes=True,
    )
)
