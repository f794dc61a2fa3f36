"""What comes closest where no window does what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shapescope.arithmetic.axes import effective_kernel_size
from shapescope.arithmetic.chain import solve_chain
from shapescope.arithmetic.solve import KERNELS, Kind, Window, solve_window

_MOST_OFF = 16


def nearest_windows(
    n: int | None,
    out: int | None,
    settings: Mapping[str, int | None],
    *,
    kind: Kind = "conv",
    ceil_mode: bool = False,
) -> list[Window]:
    """Windows that do nearly what was asked, the closest first.

    For a larger map a transposed convolution, the same sizes with one setting left open, and the
    nearest output and the nearest input with the settings as they are.
    """
    found: dict[Window, None] = {}

    def take(windows: list[Window], most: int) -> bool:
        found.update(dict.fromkeys(windows[:most]))
        return bool(windows)

    if n is not None and out is not None and out > n and kind != "transposed":
        # a window that slides over a map does not enlarge it
        for tried in (settings, {}):
            if take(_solved(n, out, tried, "transposed", False), 2):
                break
    given = [name for name, value in settings.items() if value is not None]
    for name in given:
        take(_solved(n, out, {**settings, name: None}, kind, ceil_mode), 1)
    if given and not found:
        take(_solved(n, out, {}, kind, ceil_mode), 1)
    for size in _around(out):
        if take(_solved(n, size, settings, kind, ceil_mode), 1):
            break
    for size in _around(n):
        if take(_solved(size, out, settings, kind, ceil_mode), 1):
            break
    return list(found)


def widely_padded(
    n: int | None,
    out: int | None,
    settings: Mapping[str, int | None],
    *,
    kind: Kind = "conv",
) -> list[Window]:
    """Windows that do what was asked with padding beyond half of their kernel, the least first.

    Of an open kernel only common ones, padded so that each window still touches the map. A pool
    has none: PyTorch refuses such padding.
    """
    if kind == "pool" or settings["padding"] is not None or n is None or out is None:
        return []
    given = settings["kernel_size"]
    kernels = KERNELS[kind] if given is None else (given,)
    found: dict[Window, None] = {}
    for k in kernels:
        effective = effective_kernel_size(k, settings["dilation"] or 1)
        most = effective - 1 if given is None else max(n, out) + effective
        for p in range(effective // 2 + 1, most + 1):
            windows = _solved(n, out, {**settings, "kernel_size": k, "padding": p}, kind, False)
            plain = [window for window in windows if _is_plain(window, settings)]
            found.update(dict.fromkeys(plain))
            if plain and given is not None:
                break
    return sorted(
        found,
        key=lambda window: (
            window.padding >= window.effective_kernel_size,
            window.stride,
            window.kernel_size,
        ),
    )


def _is_plain(window: Window, settings: Mapping[str, int | None]) -> bool:
    """Whether it has no dilation that nobody asked for, and no stride amid mere padding."""
    if window.dilation > 1 and settings["dilation"] is None:
        return False
    lost = window.padding >= window.effective_kernel_size
    return not lost or window.stride == 1 or settings["stride"] is not None


def nearest_chains(
    n: int, out: int, stages: int, kinds: tuple[Kind, ...] | None
) -> list[tuple[Window, ...]]:
    """The plainest chain with more or fewer stages, and the one to the nearest size."""
    found = []
    for other in (stages + 1, stages - 1, stages + 2, stages - 2, stages + 3, stages - 3):
        chains = solve_chain(n, out, other, kinds=kinds, limit=1) if other > 0 else []
        if chains:
            found += chains
            break
    for size in _around(out):
        chains = solve_chain(n, size, stages, kinds=kinds, limit=1)
        if chains:
            return found + chains
    return found


def _solved(
    n: int | None, out: int | None, settings: Mapping[str, int | None], kind: Kind, ceil_mode: bool
) -> list[Window]:
    return solve_window(n, out, **settings, kind=kind, ceil_mode=ceil_mode)


def _around(size: int | None) -> Iterator[int]:
    """Sizes next to one, the closest first; none where it is open."""
    if size is None:
        return
    for off in range(1, _MOST_OFF + 1):
        if size > off:
            yield size - off
        yield size + off
