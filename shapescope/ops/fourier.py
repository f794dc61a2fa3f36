"""Fourier transforms. Their multiply-adds have no rule: they are not counted."""

from __future__ import annotations

from shapescope.ops.flow import Flows, dims_of, mixing_flow
from shapescope.ops.registry import Op, register
from shapescope.ops.shapes import (
    Ints,
    argument,
    axes,
    axis,
    no_axes_refusal,
    same_shape,
    shape,
    text,
)
from shapescope.trace import Step


def _transformed(step: Step) -> tuple[int, ...] | None:
    """The axes along which a Fourier transform runs."""
    rank = len(shape(step))
    name = step.op.removeprefix("fft_")
    default = (-2, -1) if name.endswith("2") else None if name.endswith("n") else (-1,)
    return axes(argument(step, "dim", default), rank)


def _fourier_shape(step: Step) -> tuple[Ints, ...] | None:
    """The same sizes, or those asked for; of real values half of the last axis is kept."""
    along = _transformed(step)
    if not along or not shape(step):
        return None
    wanted = argument(step, "n", argument(step, "s"))
    sizes = list(shape(step))
    if wanted is not None:
        given = wanted if isinstance(wanted, tuple) else (wanted,)
        for at, n in zip(along[-len(given) :], given, strict=False):
            sizes[at] = sizes[at] if n == -1 else n
    last = along[-1]
    if step.op.startswith(("fft_rfft", "fft_ihfft")):
        sizes[last] = sizes[last] // 2 + 1
    elif step.op.startswith(("fft_irfft", "fft_hfft")) and wanted is None:
        sizes[last] = 2 * (sizes[last] - 1)
    return (tuple(sizes),)


def _fourier_refusal(step: Step) -> str | None:
    if step.op.endswith(("2", "n")):
        return None
    count, sizes = argument(step, "n"), shape(step)
    reason = no_axes_refusal(sizes, argument(step, "dim", -1))
    along = axis(argument(step, "dim", -1), len(sizes))
    if reason is not None or along is None:
        return reason
    points = sizes[along] if count is None else count
    if count is None and step.op in ("fft_irfft", "fft_hfft"):
        points = 2 * (points - 1)
    return f"a transform of {points} points does not exist" if points < 1 else None


def _fourier_flow(step: Step) -> Flows | None:
    if not shape(step) or "rfft" in step.op or "hfft" in step.op:
        return None
    return mixing_flow(step, _transformed(step) or ())


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    for _suffix, _signature in (("", "input n dim norm"), ("2", "input s dim norm"),
                                ("n", "input s dim norm")):  # fmt: skip
        register(
            Op(
                f"fft_{_name}{_suffix}",
                _signature,
                shape_rule=_fourier_shape,
                refusal_rule=_fourier_refusal,
                flow_rule=_fourier_flow,
                changes_axes=True,
            )
        )
for _name in ("fft_fftshift", "fft_ifftshift"):
    register(
        Op(
            _name,
            "input dim",
            shape_rule=same_shape,
            flow_rule=lambda step: mixing_flow(
                step, dims_of(argument(step, "dim"), len(shape(step))) or range(len(shape(step)))
            ),
            free=True,
        )
    )
for _name in ("fft_fftfreq", "fft_rfftfreq"):
    register(Op(_name, "n d", free=True, factory=True, observed=True))


def _stft_shape(step: Step) -> tuple[Ints, ...] | None:
    sizes, count = shape(step), argument(step, "n_fft")
    hop = argument(step, "hop_length") or (count // 4 if isinstance(count, int) else None)
    if not isinstance(count, int) or not isinstance(hop, int) or len(sizes) not in (1, 2):
        return None
    length = sizes[-1] + (count // 2 * 2 if argument(step, "center", True) else 0)
    rows = count // 2 + 1 if argument(step, "onesided", True) else count
    made = (*sizes[:-1], rows, (length - count) // hop + 1)
    return (made if argument(step, "return_complex", False) else (*made, 2),)


def _stft_refusal(step: Step) -> str | None:
    sizes, count = shape(step), argument(step, "n_fft")
    if not isinstance(count, int):
        return None
    if len(sizes) not in (1, 2):
        return f"a signal has one axis, or a batch in front of it, not {text(sizes)}"
    n, half = sizes[-1], count // 2
    centred = argument(step, "center", True)
    if centred and argument(step, "pad_mode", "reflect") == "reflect" and n <= half:
        return f"a reflection of {half} values needs more than {half}, but {n} arrive"
    if n + (2 * half if centred else 0) < count:
        return f"a window of {count} values is longer than the {n} that arrive"
    return None


register(
    Op(
        "stft",
        "input n_fft hop_length win_length window center pad_mode normalized onesided "
        "return_complex",
        shape_rule=_stft_shape,
        refusal_rule=_stft_refusal,
        changes_axes=True,
        limit="the window of {} has to fit on its signal",
    )
)
register(
    Op(
        "istft",
        "input n_fft hop_length win_length window center normalized onesided length",
        changes_axes=True,
        observed=True,
    )
)
