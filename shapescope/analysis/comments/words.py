"""The words around a shape, and in it: which of them speak of axes, and which speak against."""

from __future__ import annotations

import re

ARROW = r"(?:->|=>|→|⇒)"
NAME = r"[A-Za-z_][A-Za-z0-9_']*"

# Numbers behind one of these words are no shape.
NOT_BEFORE = re.compile(
    r"(?:\b(?:(?<!\bof )dims?|(?<!\bof )(?<!\bhave )(?<!\bhas )dimensions?|axis|axes|"
    r"kernels?|ksize|(?:kernel|window|patch|pool|stride|crop|filter)"
    r"[_ ]?sizes?|strides?|padding|pad|dilation|eqs?|equations?|figs?|figure|table|sec|section|"
    r"permute|transpose|perm|order|ind(?:ex|ices)|between|range|in(?!\s*[:=])|lr|betas?|types?|"
    r"version|page|epochs?|top|over|along|across|"
    r"scale|factor|ratio|crop|mean|std|issue|args?|default|equal|todo|fixme|license|copyright)\.?|"
    r"#\d+|\bp\s*=)\s*[:=]?\s*$",
    re.IGNORECASE,
)
# Two numbers behind one of these are no shape either, three may be one: `conv1 (6, 24, 24)`.
NOT_BEFORE_PAIR = re.compile(
    r"\b(?:pool\w*|filters?|window|patch|conv\w*|num|weights?|steps?|lines?|note|momentum|dropout)"
    r"\s*[:=]?\s*$",
    re.IGNORECASE,
)
NOT_BEHIND = re.compile(
    r"\s*(?:-?\s*)(?:conv\w*|kernels?|filters?|pool\w*|window\w*|patch\w*|strides?|grid cells|"
    r"blocks?|layers?|times|faster|slower|up-?sampl\w*|down-?sampl\w*|mat(?:rix|rices|mul)|area|"
    r"neighbou?rhood|region|receptive|attn|attention)\b",
    re.IGNORECASE,
)
_FILL = r"(?:\s+(?:is|are|of|to|now|will be|becomes|a|an|the|with|shape|size|tensor))*"
SAYS_SHAPE = re.compile(
    rf"(?:\b(?:shapes?|sizes?|of dim(?:ension)?s?|tensor|outputs?|inputs?|returns?|of)\b{_FILL}|"
    rf"{ARROW})\s*[:=]{{0,2}}\s*$",
    re.IGNORECASE,
)
# Behind one of these even a single name in brackets is a shape: `shape (t)`.
NAMES_SHAPE = re.compile(
    rf"\b(?:shapes?|sizes?|of dim(?:ension)?s?)\b{_FILL}\s*[:=]{{0,2}}\s*$", re.IGNORECASE
)
SAYS_INPUT = re.compile(rf"\b(?:in|inputs?){_FILL}\s*[:=]?\s*$", re.IGNORECASE)
SAYS_OUTPUT = re.compile(
    rf"(?:\b(?:outs?|outputs?|returns?|result){_FILL}\s*[:=]?|{ARROW})\s*$",
    re.IGNORECASE,
)
_NO_AXES = frozenset(
    {
        "int", "float", "bool", "str", "none", "true", "false", "tensor", "list", "tuple",
        "dict", "string", "long", "half", "double", "the", "a", "an", "and", "or", "if", "not",
        "is", "are", "no", "yes", "see", "eg", "ie", "etc", "of", "to", "for", "with", "from",
        "this", "that", "it", "as", "by", "in", "on", "at", "be", "we",
    }
)  # fmt: skip
_AXIS = re.compile(
    r"(?:^|_)(?:n|b|bs|c|d|e|f|h|w|l|t|s|k|m|p|q|v|x|y|batch|batches|batch_size|bsz|channels?|chan|ch|"
    r"cin|cout|ci|co|height|width|depth|seq|seqlen|seq_len|sequence|length|len|time|times|steps|"
    r"frames|tokens?|hidden|hid|features?|feat|feats|embed|emb|embedding|dim|dims|heads?|head_dim|"
    r"d_model|d_k|d_v|classes|num|vocab|size|in|out|nc|nh|hs|ngf|ndf|nf|nz|layers|dirs|directions|"
    r"points|nodes|samples|anchors|boxes|queries|experts|patches|groups|kernel|rows|cols|latent|z|"
    r"units|input|output|model|max_len)(?:$|_|\d)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?<![\w.])(?P<names>{NAME}(?:\.{NAME})*(?:\s*,\s*{NAME})*)\s*(?:==?|:|\bis\b)?\s*$"
)
_BATCH = re.compile(
    r"(?:\w+\*|\d*)(?:b_?|n|bs|bsz|nb|batch|batch_?size|batches|-1)(?:\*\w+)?", re.IGNORECASE
)
_SPATIAL = re.compile(r"(?:h|w|height|width)[_']?\w?'?(?:\s*/+\s*\d+)?", re.IGNORECASE)
# What is called by these letters together: boxes, attention's parts, a window, an LSTM's state.
_OTHER_LETTERS = (set("xywhz"), set("qkv"), set("ksp"), set("hc"), set("ifgo"))
_LAST_OF_SEVERAL = frozenset(
    {
        "size", "len", "length", "dim", "dims", "dimension", "channels", "heads", "layers",
        "directions", "tokens", "features", "classes", "steps", "units", "width", "height",
        "words", "frames", "sentences", "samples", "points", "boxes", "patches", "experts",
        "queries", "vocab", "depth",
    }
)  # fmt: skip
_NOT_OF_SEVERAL = frozenset(
    {"kernel", "filter", "window", "stride", "patch", "pool", "crop", "step", "learning"}
)


def is_word_of_prose(word: str) -> bool:
    """Whether it is a type, or one of the small words of a sentence."""
    return word.lower() in _NO_AXES


def names_axis(word: str) -> bool:
    """Whether a name is one that axes have: `B`, `C_in`, `seq_len`, `sent len`."""
    parts = word.split(" ")
    if len(parts) > 1:
        known = parts[-1].lower() in _LAST_OF_SEVERAL
        return known and not _NOT_OF_SEVERAL & {part.lower() for part in parts}
    return (len(word) <= 2 and word[0].isupper() and word != "A") or bool(_AXIS.search(word))


def names_batch(word: str) -> bool:
    """Whether a word is what the batch axis is called."""
    return _BATCH.fullmatch(word.replace(" ", "")) is not None


def names_only_batch(word: str) -> bool:
    """Whether a word can mean nothing but the batch axis; `N` may also count points or tokens."""
    return names_batch(word) and word.lower() not in ("n", "-1")


def is_spatial(word: str) -> bool:
    """Whether a word is a height or a width, also a part of one: `H/2`."""
    return word.isdigit() or _SPATIAL.fullmatch(word) is not None


def are_other_letters(words: tuple[str, ...]) -> bool:
    """Whether these letters mean something else together: `(q, k, v)`, `(x, y, w, h)`."""
    letters = [word.rstrip("0123456789").removeprefix("c") or "c" for word in words]
    return any(set(letters) <= group for group in _OTHER_LETTERS) and not any(
        word[0].isupper() or word.isdigit() for word in words
    )


def names_in_front(before: str) -> tuple[str, ...]:
    """The names that may be what a shape speaks of: `q, k` in `q, k: (B, T, C)`."""
    if re.search(r"[)\]]\s*[x×]\s*$", before):
        return ()
    trimmed = re.sub(rf"\s*{ARROW}\s*$", "", before)
    trimmed = re.sub(
        r"(?:\.?(?:\b(?:shape|size|torch\.Size|is|of|has)\b(?:\(\))?|:)\s*)+=*\s*$", "", trimmed
    )
    match = _NAMED.search(trimmed)
    if not match:
        return ()
    return tuple(name.strip().removesuffix(".shape") for name in match["names"].split(","))
