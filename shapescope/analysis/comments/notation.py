"""Shapes as people write them in comments: `(16,14,14)`, `N x 16 x 14 x 14`, `6@28x28`, ...

In doubt a text is no shape: a false alarm costs more than a miss.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

BOTH, INPUT, OUTPUT = "both", "input", "output"


@dataclass(frozen=True, slots=True)
class Written:
    """A shape in a text.

    Attributes:
        start: where it begins in the text, counted in characters from 0.
        end: where it ends.
        text: the shape as written, brackets included.
        says: one string for each axis.
        names: words before it that may name what it speaks of: `x` in `x: (B, T)`.
        role: `input` or `output` where the text says so (`a -> b`, `input shape`), else `both`.
        readings: further ways to read the axes: `(32*7*7)` is three axes or a product.
    """

    start: int
    end: int
    text: str
    says: tuple[str, ...]
    names: tuple[str, ...] = ()
    role: str = BOTH
    readings: tuple[tuple[str, ...], ...] = field(default=(), compare=False)


_NAME = r"[A-Za-z_][A-Za-z0-9_']*"
_ATOM = rf"(?:\d+{_NAME}|\d+|{_NAME})"
_ITEM = rf"(?:-1|None|\?|\*|\.\.\.|…|:|_|\(?{_ATOM}\)?(?:\s*(?://|[*/+-])\s*\(?{_ATOM}\)?)*)"
_COMMAS = rf"{_ITEM}(?:\s*,\s*{_ITEM})*\s*,?"
_CROSS = r"\s*[x×]\s*"
_CROSSED = rf"(?:\d*{_NAME}|\d+|\?)(?:\s+[x×]\s+(?:\d*{_NAME}|\d+|\?))+|[A-Z0-9]+(?:[x×][A-Z0-9]+)+"
_BRACKETED = re.compile(
    rf"(?P<size>torch\.Size\(\s*)?(?P<open>[\[(])\s*(?P<body>{_COMMAS}|{_CROSSED})\s*(?P<close>[\])])"
    r"(?P<end>(?(size)\s*\)))"
)
_PLAIN_CROSSED = re.compile(rf"(?<![\w.@*/+])(?:(?P<maps>\d+)@)?(?P<body>{_CROSSED})(?![\w.@*/])")
_WHOLE_LIST = re.compile(rf"\s*(?P<body>{_ATOM}(?:\s*,\s*{_ATOM})+)\s*")

# Numbers behind one of these words are no shape.
_NOT_BEFORE = re.compile(
    r"(?:\b(?:dims?|dimensions?|axis|axes|kernels?|(?:kernel|window|patch|pool|stride|crop|filter)"
    r"[_ ]?sizes?|strides?|padding|pad|dilation|eqs?|equations?|figs?|figure|table|sec|section|"
    r"permute|transpose|perm|order|ind(?:ex|ices)|between|range|in(?!\s*[:=])|lr|betas?|types?|version|page|epochs?|top|"
    r"scale|factor|ratio|crop|mean|std|issue|args?|default|equal|todo|fixme|license|copyright)\.?|"
    r"#\s*\d*|\bp\s*=)\s*[:=]?\s*$",
    re.IGNORECASE,
)
# Two numbers behind one of these are no shape either, three may be one: `conv1 (6, 24, 24)`.
_NOT_BEFORE_PAIR = re.compile(
    r"\b(?:pool\w*|filters?|window|patch|conv\w*|num|weights?|steps?|lines?|note|momentum|dropout)"
    r"\s*[:=]?\s*$",
    re.IGNORECASE,
)
_NOT_BEHIND = re.compile(
    r"\s*(?:-?\s*)(?:conv\w*|kernels?|filters?|pool\w*|window\w*|patch\w*|strides?|grid cells|"
    r"blocks?|layers?|times|faster|slower|up-?sampl\w*|down-?sampl\w*|mat(?:rix|rices|mul)|area|"
    r"neighbou?rhood|region|receptive)\b",
    re.IGNORECASE,
)
_SAYS_SHAPE = re.compile(
    r"(?:\b(?:shapes?|sizes?|tensor|outputs?|inputs?|returns?|of)\b(?:\s+(?:is|of|to|shape|size|"
    r"tensor))*|->|=>|→|⇒)\s*[:=]?\s*$",
    re.IGNORECASE,
)
_INPUT = re.compile(
    r"\b(?:in|inputs?)(?:\s+(?:shape|size|tensor|is|of))*\s*[:=]?\s*$", re.IGNORECASE
)
_OUTPUT = re.compile(
    r"(?:\b(?:outs?|outputs?|returns?|result)(?:\s+(?:shape|size|tensor|is|of))*\s*[:=]?|->|=>|→|⇒)\s*$",
    re.IGNORECASE,
)
_ARROW = re.compile(r"->|=>|→|⇒")
_ARROW_BEHIND = re.compile(r"\s*(?:->|=>|→|⇒)")
_NAMED = re.compile(rf"(?P<names>{_NAME}(?:\.{_NAME})*(?:\s*,\s*{_NAME})*)\s*(?:[:=]|\bis\b)?\s*$")
_TYPE_WORDS = frozenset(
    {
        "int", "float", "bool", "str", "none", "true", "false", "tensor", "list", "tuple",
        "dict", "string", "long", "half", "double", "the", "a", "an", "and", "or", "if", "not",
        "is", "are", "no", "yes", "see", "eg", "ie", "etc", "of", "to", "for", "with", "from",
    }
)  # fmt: skip
_AXIS_WORD = re.compile(
    r"(?:^|_)(?:n|b|bs|c|d|e|f|h|w|l|t|s|k|m|p|q|v|x|y|batch|batches|batch_size|bsz|channels?|chan|ch|"
    r"cin|cout|height|width|depth|seq|seqlen|seq_len|sequence|length|len|time|times|steps|frames|"
    r"tokens?|hidden|hid|features?|feat|feats|embed|emb|embedding|dim|dims|heads?|head_dim|d_model|"
    r"d_k|d_v|classes|num|vocab|size|in|out|nc|nh|hs|layers|dirs|directions|points|nodes|samples|"
    r"anchors|boxes|patches|groups|kernel|rows|cols|latent|z|units|input|output|model|max_len)(?:$|_|\d)",
    re.IGNORECASE,
)
_WILD = frozenset({"-1", "None", "?", "*", "...", "…", ":", "_"})


def written_shapes(text: str) -> tuple[Written, ...]:
    """The shapes in a comment's text, in order of position."""
    found = sorted(_candidates(text), key=lambda one: (one.start, -one.end))
    kept: list[Written] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(_before_arrow(text, kept))


def _before_arrow(text: str, kept: list[Written]) -> Iterator[Written]:
    """`a -> b`, `a x b -> c`: what stands before the last arrow goes in."""
    last = max(
        (place for place, one in enumerate(kept) if _ARROW.search(text[: one.start])), default=0
    )
    for place, one in enumerate(kept):
        chained = any(
            _ARROW.search(text[kept[k].end : kept[k + 1].start]) for k in range(place, last)
        )
        role = INPUT if place < last and chained else one.role
        yield replace(one, role=role)


def _candidates(text: str) -> Iterator[Written]:
    whole = _WHOLE_LIST.fullmatch(text)
    if whole:
        says = _split(whole["body"], ",")
        if len(says) >= 2 and _is_shape(says, strict=True):
            yield Written(whole.start("body"), whole.end("body"), whole["body"], says)
    for match in _BRACKETED.finditer(text):
        one = _bracketed(text, match)
        if one is not None:
            yield one
    for match in _PLAIN_CROSSED.finditer(text):
        one = _crossed(text, match)
        if one is not None:
            yield one


def _bracketed(text: str, match: re.Match[str]) -> Written | None:
    if {"(": ")", "[": "]"}[match["open"]] != match["close"]:
        return None
    body = match["body"]
    before = text[: match.start()]
    says_shape = bool(match["size"] or _SAYS_SHAPE.search(before))
    if not match["size"] and _NOT_BEFORE.search(before):
        return None
    if before and (before[-1].isalnum() or before[-1] in "_)]"):
        # `view(-1, 400)`, `x[0, 1]`: a call or an index. `name (...)` has a blank.
        return None
    readings: tuple[tuple[str, ...], ...] = ()
    if "," in body:
        says = _split(body.rstrip().rstrip(","), ",")
        single = len(says) == 1
    elif re.search(_CROSS, body) and re.fullmatch(_CROSSED, body):
        says, single = _crossed_says(body), False
    elif re.fullmatch(r"\d+(?:\s*\*\s*\d+){2,}", body):
        says, single = _split(body, "*"), False
        readings = ((body,),)
    else:
        says, single = (body.strip(),), False
        if not says_shape:
            return None
    if len(says) == 1 and not (says_shape or single):
        return None
    if not (says_shape and all(map(_is_item, says))) and not _is_shape(says, strict=False):
        return None
    pair = len(says) < 3 and not says_shape
    if pair and (_NOT_BEHIND.match(text, match.end()) or _NOT_BEFORE_PAIR.search(before)):
        return None
    return Written(
        match.start(), match.end(), match[0], says, _names(before), _role(before), readings
    )


def _crossed(text: str, match: re.Match[str]) -> Written | None:
    before = text[: match.start()]
    says_shape = bool(_SAYS_SHAPE.search(before)) or bool(_ARROW_BEHIND.match(text, match.end()))
    if _NOT_BEFORE.search(before):
        return None
    if _NOT_BEHIND.match(text, match.end()):
        return None
    says = _crossed_says(match["body"])
    if match["maps"]:
        says = (match["maps"], *says)
    if not all(map(_is_item, says)) or any(word.lower() in _TYPE_WORDS for word in says):
        return None
    numbers = sum(word.isdigit() for word in says)
    named = [word for word in says if not word.isdigit() and word not in _WILD]
    if any(not _AXIS_WORD.search(word.lstrip("0123456789")) for word in named):
        return None
    if len(says) == 2 and not (says_shape or (named and numbers)):
        return None
    return Written(match.start(), match.end(), match[0], says, _names(before), _role(before))


def _crossed_says(body: str) -> tuple[str, ...]:
    if re.search(r"\s[x×]\s", body):
        return tuple(re.split(r"\s+[x×]\s+", body.strip()))
    return tuple(re.split(r"[x×]", body.strip()))


def _split(body: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in body.split(separator) if part.strip())


def _is_item(word: str) -> bool:
    return re.fullmatch(_ITEM, word) is not None


def _is_shape(says: tuple[str, ...], *, strict: bool) -> bool:
    """Whether these words are axes rather than prose or numbers of another kind."""
    if not all(map(_is_item, says)):
        return False
    names = [word for word in says if re.fullmatch(_NAME, word)]
    if any(name.lower() in _TYPE_WORDS for name in names):
        return False
    axis_like = [
        name for name in names if (len(name) <= 2 and name[0].isupper()) or _AXIS_WORD.search(name)
    ]
    if len(axis_like) < len(names):
        return False
    numbers = [int(word) for word in says if word.isdigit()]
    if len(numbers) == len(says):
        # (0, 1) or (2, 3) are axes or a range; a shape has some size to it.
        return not strict and (max(numbers) > 9 or len(says) >= 3) and 0 not in numbers
    if strict:
        return bool(names) and bool(numbers or len(names) >= 3)
    return True


def _names(before: str) -> tuple[str, ...]:
    trimmed = re.sub(r"(?:\b(?:shape|size|torch\.Size|is|of|has|:)\b\s*)+[:=]?\s*$", "", before)
    match = _NAMED.search(re.sub(r"\s*(?:->|=>|→|⇒)\s*$", "", trimmed))
    if not match:
        return ()
    return tuple(name.strip().removesuffix(".shape") for name in match["names"].split(","))


def _role(before: str) -> str:
    if _INPUT.search(before):
        return INPUT
    return OUTPUT if _OUTPUT.search(before) else BOTH


def annotation_axes(text: str) -> tuple[str, ...]:
    """The axes of a jaxtyping annotation's string: `"batch 3 h w"`; `*b` is any number of axes."""
    says = []
    for raw in text.split():
        word = raw.lstrip("#?").rpartition("=")[2]
        says.append("..." if word.startswith("*") else "_" if raw.startswith("_") else word)
    return tuple(says)
