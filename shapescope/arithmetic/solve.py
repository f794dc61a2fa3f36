"""Windows that turn one size into another: the engine behind `shapescope solve`, for one axis.

Any of input, output, kernel_size, stride, padding and dilation may be open. What is open is
searched among sensible values only: windows of up to 11 elements and the ones that cover the
whole map, padding up to half of the window, strides that leave no gap between windows. What is
given is taken as it is. Answers come in the order in which people use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from shapescope.arithmetic import formula
from shapescope.arithmetic.axes import effective_kernel_size
from shapescope.arithmetic.convolution import conv_output, conv_refusal
from shapescope.arithmetic.pooling import pool_output, pool_refusal
from shapescope.arithmetic.ranges import conv_input_range, pool_input_range, transposed_input_range
from shapescope.arithmetic.transposed import transposed_output, transposed_refusal

Kind: TypeAlias = Literal["conv", "pool", "transposed"]

# how common a window is, by kind; others follow by size
KERNELS: dict[str, tuple[int, ...]] = {
    "conv": (3, 5, 7, 1, 2, 4, 6),
    "pool": (2, 3, 4, 5),
    "transposed": (4, 2, 3, 5, 6, 7),
}
_LARGEST = 11
_DILATIONS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Window:
    """A conv, pool or transposed conv with the sizes it takes and makes along one axis.

    `padding` is on either side; `output_padding` is 0 except for a transposed convolution.
    """

    kind: Kind
    n: int
    out: int
    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    output_padding: int = 0
    ceil_mode: bool = False

    @property
    def effective_kernel_size(self) -> int:
        """Elements from the first to the last one that the window touches."""
        return effective_kernel_size(self.kernel_size, self.dilation)

    @property
    def is_exact(self) -> bool:
        """Whether the last window ends at the last padded element, so that nothing is dropped."""
        room = self.n + 2 * self.padding - self.effective_kernel_size
        return self.kind == "transposed" or room % self.stride == 0

    @property
    def formula(self) -> str:
        """The arithmetic with its numbers: `(28 - 3 + 2*1)//2 + 1 = 14`."""
        k, s, p, d = self.kernel_size, self.stride, self.padding, self.dilation
        if self.kind == "transposed":
            return formula.transposed_formula(self.n, k, s, p, self.output_padding, d)
        if self.kind == "pool":
            return formula.pool_formula(self.n, k, s, (p, p), d, self.ceil_mode)
        return formula.conv_formula(self.n, k, s, (p, p), d)

    def output(self, n: int) -> int:
        """Output size of the same window for another input."""
        k, s, p, d = self.kernel_size, self.stride, self.padding, self.dilation
        if self.kind == "transposed":
            return transposed_output(n, k, s, p, self.output_padding, d)
        if self.kind == "pool":
            return pool_output(n, k, s, (p, p), d, self.ceil_mode)
        return conv_output(n, k, s, (p, p), d)

    def refusal(self) -> str | None:
        """Reason why PyTorch refuses it for an input of `n`, or None."""
        k, s, p, d = self.kernel_size, self.stride, self.padding, self.dilation
        if self.kind == "transposed":
            return transposed_refusal((self.n,), k, s, p, self.output_padding, d)
        if self.kind == "pool":
            return pool_refusal((self.n,), k, s, p, d, ceil_mode=self.ceil_mode)
        return conv_refusal((self.n,), k, s, p, d)

    def applied(self, n: int) -> Window:
        """The same window on another input."""
        return Window(
            self.kind,
            n,
            self.output(n),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.output_padding,
            self.ceil_mode,
        )


def solve_window(
    n: int | None,
    out: int | None,
    kernel_size: int | None = None,
    stride: int | None = None,
    padding: int | None = None,
    dilation: int | None = None,
    *,
    kind: Kind = "conv",
    ceil_mode: bool = False,
) -> list[Window]:
    """All sensible windows that turn `n` into `out`, the common ones first.

    Args:
        n: Input size, or None: every input that gives `out` is an answer.
        out: Output size, or None.
        kernel_size: Elements of the window, or None.
        stride: Step of the window, or None.
        padding: Elements on either side, or None.
        dilation: Distance of neighbouring window elements, or None.
        kind: "conv", "pool" or "transposed".
        ceil_mode: Of a pool.

    Returns:
        The windows, each of which PyTorch accepts; empty where there is none.

    Raises:
        ValueError: Neither size is given, or a given value makes no window.
    """
    if n is None and out is None:
        raise ValueError("give the input size or the output size")
    least = {"input": (n, 1), "output": (out, 1), "kernel_size": (kernel_size, 1)}
    least |= {"stride": (stride, 1), "padding": (padding, 0), "dilation": (dilation, 1)}
    for name, (value, bound) in least.items():
        if value is not None and value < bound:
            raise ValueError(f"{name} is {value}, but has to be at least {bound}")
    given = _Given(kind, n, out, kernel_size, stride, padding, dilation)
    found: dict[Window, None] = {}
    for k, s, p, d in given.settings():
        for window in _fitted(kind, n, out, k, s, p, d, ceil_mode):
            if window.refusal() is None:
                found[window] = None
    return sorted(found, key=_rank)


@dataclass(frozen=True, slots=True)
class _Given:
    """What `solve_window` was told, and the settings to try for the rest."""

    kind: Kind
    n: int | None
    out: int | None
    kernel_size: int | None
    stride: int | None
    padding: int | None
    dilation: int | None

    def settings(self) -> Iterator[tuple[int, int, int, int]]:
        """Kernel size, stride, padding and dilation of every candidate."""
        for k in self._kernels():
            for d in self._dilations(k):
                effective = effective_kernel_size(k, d)
                widest = (k if self.kind == "pool" else effective) // 2
                for p in range(widest + 1) if self.padding is None else (self.padding,):
                    for s in self._strides(effective, p):
                        # dilation stands in for stride: together only if asked for
                        if d == 1 or s == 1 or self.dilation or self.stride:
                            yield k, s, p, d
        yield from self._covers()

    def _kernels(self) -> Sequence[int]:
        if self.kernel_size is not None:
            return (self.kernel_size,)
        if self.n is None or self.out is None:
            # one end is open, so everything fits: only what people use
            return tuple(k for k in KERNELS[self.kind] if k < 6)
        return range(1, _LARGEST + 1)

    def _dilations(self, k: int) -> Sequence[int]:
        if self.dilation is not None:
            return (self.dilation,)
        open_end = self.n is None or self.out is None
        return (1,) if self.kind != "conv" or k == 1 or open_end else _DILATIONS

    def _strides(self, effective: int, padding: int) -> Sequence[int]:
        n, out = self.n, self.out
        if self.stride is not None:
            return (self.stride,)
        if n is None or out is None:
            return sorted({effective, 2}) if self.kind == "pool" else (1, 2)
        # a stride beyond the window skips elements: unasked, only 1 x 1 windows are used so
        most = effective if effective > 1 else 4
        if self.kernel_size is not None:
            most = max(n, out) + 2 * padding
        if self.kind == "transposed":
            return range(1, most + 1)
        room = n + 2 * padding - effective
        if out == 1:
            # any stride beyond the room gives 1: the smallest stands for all, and the window
            smallest = max(room, 0) + 1
            return [s for s in sorted({smallest, effective}) if smallest <= s <= most]
        # (out - 1)*s <= room < out*s; ceil_mode takes one window more or less
        largest = room // (out - 2) + 1 if out > 2 else n + 2 * padding
        return range(max(room // out, 1), min(largest, most) + 1)

    def _covers(self) -> Iterator[tuple[int, int, int, int]]:
        """Windows beyond the usual sizes that use up the whole map: global ones and patches."""
        if self.n is None or self.out is None or self.kernel_size is not None:
            return
        p, d = self.padding or 0, self.dilation or 1
        small, large = sorted((self.n, self.out))
        strides = {1, large // small} if self.stride is None else {self.stride}
        for s in sorted(strides):
            effective = large + 2 * p - (small - 1) * s
            k = (effective - 1) // d + 1
            if k > _LARGEST:
                yield k, s, p, d


def _fitted(
    kind: Kind, n: int | None, out: int | None, k: int, s: int, p: int, d: int, ceil_mode: bool
) -> Iterator[Window]:
    """The windows with these settings that meet the sizes that are given."""
    ceil_mode = ceil_mode and kind == "pool"
    extras: Sequence[int] = (0,)
    if kind == "transposed" and n is not None and out is not None:
        missing = out - transposed_output(n, k, s, p, 0, d)
        extras = (missing,) if 0 <= missing < max(s, d) else ()
    elif kind == "transposed" and out is not None:
        extras = range(max(s, d))
    for extra in extras:
        if n is not None:
            sizes = range(n, n + 1)
        else:
            assert out is not None
            pair = (p, p)
            if kind == "transposed":
                bounds = transposed_input_range(out, k, s, p, extra, d)
            elif kind == "pool":
                bounds = pool_input_range(out, k, s, pair, d, ceil_mode)
            else:
                bounds = conv_input_range(out, k, s, pair, d)
            if bounds is None:
                continue
            sizes = range(bounds[0], bounds[1] + 1)
        for size in sizes:
            window = Window(kind, size, 0, k, s, p, d, extra, ceil_mode).applied(size)
            if out is None or window.out == out:
                yield window


def _rank(window: Window) -> tuple[int, ...]:
    """Sort key: the habits of people who design networks, the strongest first."""
    k, s, p, d = window.kernel_size, window.stride, window.padding, window.dilation
    effective = window.effective_kernel_size
    common = KERNELS[window.kind]
    order = common.index(k) if k in common else len(common) + k
    gaps = int(s > effective)
    shape: tuple[int, ...]
    if window.kind == "pool":
        # windows side by side, then overlapping ones with just the padding that keeps the map
        shape = (int(s != k or p > 0), int(p not in (0, (k - 1) // 2)), order, s, p)
    elif window.kind == "transposed":
        # a kernel that the stride divides treats every output alike
        keeps = int(p not in (0, (effective - 1) // 2))
        shape = (int(k > 5), window.output_padding, int(k % s != 0), keeps, order, s, p)
    else:
        same, zero = p == (effective - 1) // 2, p == 0
        # even patches that lie side by side, and very long windows, are not padded
        patches = s >= effective and k % 2 == 0
        long = window.out > 1 and (patches or k > 2 * _LARGEST)
        usual = zero if long else same
        shape = (
            int(not (same or zero)),
            int(k > 7) + int(k > _LARGEST and k != s),
            int(k % 2 == 0),
            int(not usual),
            int(s > 2),
            order,
            s,
            p,
        )
    if window.out == 1 and window.kind != "transposed":
        # a window over the whole map needs no padding
        shape = (p, int(effective != window.n), *shape)
    return (int(d > 1), gaps, *shape, d, int(not window.is_exact), window.n)
