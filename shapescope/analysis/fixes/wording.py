"""What a help says of its edits, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from shapescope.analysis.code.source import code_of
from shapescope.analysis.diagnosis.finding import Proposal
from shapescope.diagnostic import Edit, Help
from shapescope.trace import Trace

_MOST_THEN = 2


def without_detours(helps: Sequence[Help], changes: Sequence[frozenset[str]]) -> tuple[Help, ...]:
    """The helps without those that write all that another one writes, and more.

    Nor those that go on and on, where another one mends it all at once.
    """
    short = any(not one.then for one in helps)
    return tuple(
        one
        for one, lines in zip(helps, changes, strict=True)
        if not any(other and other < lines for other in changes)
        and not (short and len(one.then) > _MOST_THEN)
    )


def first_things_first(edits: Sequence[Edit], first: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits with those in front that the help is about, and what follows from them behind."""
    lines = {edit.span.line for edit in first}
    return tuple(sorted(edits, key=lambda edit: edit.span.line not in lines))


def remark_on(
    proposal: Proposal,
    changed: Sequence[str],
    added: int,
    shared: str,
    renamed: Sequence[tuple[str, str]] = (),
) -> str:
    """What the help says in brackets: which weights change, where an edit counts twice."""
    words = [shared] if shared else []
    if renamed:
        pairs = [pair for pair in renamed if not pair[0].endswith("bias")] or list(renamed)
        more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
        words.append(f"renames {pairs[0][0]} to {pairs[0][1]}{more}")
    elif changed:
        names = [name for name in changed if not name.endswith("bias")] or list(changed)
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        words.append(f"changes the shape of {', '.join(names[:2])}{more}")
    elif added > 0:
        words.append(f"adds {added:,} parameters")
    elif proposal.remark and not changed:
        words.append(proposal.remark)
    if proposal.inline:
        words.append("verified")
    return "; ".join(words)


def shared_by(trace: Trace, edits: Sequence[Edit]) -> str:
    """`in both Blocks`, where an edit stands in a class that the model holds several times."""
    for edit in edits:
        code = code_of(edit.span.file)
        around = [
            cls
            for cls in (() if code is None else code.classes().values())
            if cls.lineno <= edit.span.line <= (cls.end_lineno or cls.lineno)
        ]
        if not around:
            continue
        name = max(around, key=lambda cls: cls.lineno).name
        count = sum(spec.class_name == name for spec in trace.modules)
        if count > 1:
            return f"in {'both' if count == 2 else f'all {count}'} `{name}`s"
    return ""
