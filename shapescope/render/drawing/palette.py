"""Colours by role, light and dark.

The hues are those of Okabe and Ito (2008), which people with any common colour blindness tell
apart; each kind of step also carries its name in words, so no meaning hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS = (
    "input",
    "conv",
    "pool",
    "norm",
    "activation",
    "dense",
    "attention",
    "recurrent",
    "merge",
    "reshape",
    "resize",
    "block",
    "other",
)
"""What a step is to a reader; each has the roles KIND, KIND-line and KIND-side."""

_LIGHT = {
    "paper": "#ffffff",
    "text": "#1b1f24",
    "faint": "#57606a",
    "line": "#57606a",
    "hair": "#d0d7de",
    "cluster": "#f6f8fa",
    "cluster-inner": "#eef1f4",
    "cluster-line": "#c4ccd4",
    "cone": "#d55e00",
    "field": "#0b6e4f",
    "failure": "#b3261e",
    "failure-fill": "#fde7e4",
    "plane": "#ffffff",
}
_DARK = {
    "paper": "#0d1117",
    "text": "#e6edf3",
    "faint": "#9aa4af",
    "line": "#8b949e",
    "hair": "#30363d",
    "cluster": "#151b23",
    "cluster-inner": "#1c232c",
    "cluster-line": "#3d4650",
    "cone": "#ff9e57",
    "field": "#56d4a5",
    "failure": "#ff8a80",
    "failure-fill": "#3b1512",
    "plane": "#161b22",
}
# fill, line, side (a darker face of a body)
_LIGHT_KINDS = {
    "input": ("#e7ebef", "#57606a", "#c8d0d8"),
    "conv": ("#cfe3f5", "#0a5c99", "#a3c9ea"),
    "pool": ("#fbdcc6", "#b04a00", "#f3bd97"),
    "norm": ("#ececec", "#5f6368", "#d2d4d6"),
    "activation": ("#fdf0c4", "#8a6d00", "#f2dd93"),
    "dense": ("#c9eadf", "#00735a", "#9dd8c5"),
    "attention": ("#f3d9e8", "#96457a", "#e3b3cf"),
    "recurrent": ("#e0d8f3", "#5b3fa0", "#c4b5e6"),
    "merge": ("#fff6c9", "#7d6b00", "#f0e292"),
    "reshape": ("#f1f3f5", "#57606a", "#d9dee3"),
    "resize": ("#d3effa", "#1c7199", "#a6def3"),
    "block": ("#e4e9f2", "#42526e", "#c6d0e0"),
    "other": ("#f1f3f5", "#57606a", "#d9dee3"),
}
_DARK_KINDS = {
    "input": ("#2b323b", "#9aa4af", "#1f252c"),
    "conv": ("#12395a", "#6cb6f0", "#0c2a44"),
    "pool": ("#5a2d0e", "#ffab70", "#43200a"),
    "norm": ("#2f3337", "#a7adb3", "#23272a"),
    "activation": ("#4a3d08", "#e6c84f", "#372d05"),
    "dense": ("#0d4436", "#5fd3b0", "#093327"),
    "attention": ("#4f2440", "#ee9cc8", "#3b1a30"),
    "recurrent": ("#37286a", "#b9a3f5", "#291d50"),
    "merge": ("#4d4508", "#e9d75a", "#393305"),
    "reshape": ("#22272e", "#9aa4af", "#1a1e24"),
    "resize": ("#0f4259", "#74cdf0", "#0b3144"),
    "block": ("#253046", "#a3b5d6", "#1b2334"),
    "other": ("#22272e", "#9aa4af", "#1a1e24"),
}


def _roles(base: dict[str, str], kinds: dict[str, tuple[str, str, str]]) -> dict[str, str]:
    roles = dict(base)
    for kind in KINDS:
        fill, edge, side = kinds[kind]
        roles |= {kind: fill, f"{kind}-line": edge, f"{kind}-side": side}
    return roles


THEMES: Mapping[str, Mapping[str, str]] = {
    "light": _roles(_LIGHT, _LIGHT_KINDS),
    "dark": _roles(_DARK, _DARK_KINDS),
}
"""Each theme: the colour of every role, as `#rrggbb`."""


def variables() -> Mapping[str, str]:
    """The roles as variables of a page's style sheet, for a picture that follows its page."""
    return {role: f"var(--draw-{role})" for role in THEMES["light"]}


def variable_rules(theme: str) -> str:
    """The declarations that give `variables` the colours of a theme."""
    return "".join(f"--draw-{role}:{colour};" for role, colour in THEMES[theme].items())
