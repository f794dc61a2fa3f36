"""Ops that leave values as they are, or only look at them: packing and quantisers among them."""

from __future__ import annotations

from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import are_ints, argument, same_shape, shape
from shapescope.trace import Shape, Step

# Where a quantized model begins and ends; before it is converted they pass values through.
for _name, _module in (
    ("quant_stub", "QuantStub"),
    ("de_quant_stub", "DeQuantStub"),
    ("quantize", "Quantize"),
    ("de_quantize", "DeQuantize"),
):
    register(
        Op(
            _name,
            modules=(_module,),
            shape_rule=same_shape,
            free=True,
            pointwise=True,
            view=True,
        )
    )

# Layers that a forward makes are initialised there.
for _name in (
    "kaiming_uniform", "kaiming_normal", "trunc_normal", "constant", "orthogonal", "dirac",
):  # fmt: skip
    register(Op(_name, "tensor", shape_rule=same_shape, free=True, pointwise=True))

# How many values are left depends on the lengths.
register(
    Op(
        "pack_padded_sequence",
        "input lengths batch_first enforce_sorted",
        free=True,
        observed=True,
        changes_axes=True,
    )
)
register(
    Op(
        "pad_packed_sequence",
        "data batch_sizes batch_first padding_value total_length",
        free=True,
        observed=True,
        changes_axes=True,
    )
)


# As long as the longest of the parts.
for _name in ("nested_to_padded_tensor", "to_padded_tensor"):
    register(
        Op(
            _name,
            "input padding output_size",
            free=True,
            observed=True,
            changes_axes=True,
        )
    )


def _scalar(step: Step) -> tuple[Shape, ...] | None:
    return ((),)


for _name in ("is_all_true", "is_any_true"):
    register(Op(_name, shape_rule=_scalar, free=True, changes_axes=True))


def _sparse_shape(step: Step) -> tuple[Shape, ...] | None:
    """The size given; without one it depends on the indices."""
    size = argument(step, "size")
    return (size,) if isinstance(size, tuple) and are_ints(size) else None


register(
    Op(
        "sparse_coo_tensor",
        "indices values size",
        shape_rule=_sparse_shape,
        free=True,
        changes_axes=True,
        observed=True,
    )
)


def _product_shape(step: Step) -> tuple[Shape, ...] | None:
    if len(step.inputs) < 2 or len(shape(step)) != 2 or len(shape(step, 1)) != 2:
        return None
    return ((shape(step)[0], shape(step, 1)[1]),)


register(Op("sparse_mm", "mat1 mat2", shape_rule=_product_shape, changes_axes=True))
