"""The book of decisions of one pass: what was asked about sizes, and what held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from shapescope.arithmetic.expressions import (
    Always,
    Comparison,
    Condition,
    Exact,
    Expr,
    Facts,
    Junction,
    equal,
    junction,
    learn,
    negation,
    number,
    settled,
    without_settled,
)
from shapescope.capture.sizes.batch import for_all_batches
from shapescope.capture.sizes.splitting import split_equality, with_exact_quotients
from shapescope.trace import SourceSpan
from shapescope.valid_sizes import Decision

R = TypeVar("R")


class Refused(BaseException):  # no error of ours: the model's way ends here
    """The model fails for the present sizes, for a reason that is understood.

    A BaseException, so that a forward that catches errors does not catch this one.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSymbolic(Exception):  # noqa: N818
    """A rule needs plain numbers: it cannot say what holds for other sizes."""


class _Open(Exception):  # noqa: N818
    """In a replay: a question whose answer does not follow from what is assumed."""


class Judge:
    """Answers every question about sizes for the present ones, and keeps the answers.

    Args:
        sizes: the present size of each axis, the batch included where it is left open.
        where: tells who asks: the step that is being judged and the user's expression.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        where: Callable[[], tuple[int | None, SourceSpan | None]],
    ) -> None:
        self.sizes = sizes
        self.decisions: list[Decision] = []
        self.doubts: list[str] = []
        self.pinned = False
        self._where = where
        self._facts = Facts()
        self._exact = Exact()
        self._held: dict[Condition, None] = {}
        self._rule_step: int | None = None
        self._replaying = False

    # --- what sizes and rules ask

    def decide(self, condition: Condition) -> bool:
        """Whether the condition holds now; the answer is part of the way from here on."""
        condition = self._plainer(condition)
        known = self.known(condition)
        if known is not None:
            return known
        if self._replaying:
            raise _Open
        truth = condition.evaluate(self.sizes)
        self._assume(condition if truth else negation(condition), is_limit=False)
        return truth

    def pin(self, size: Expr) -> None:
        """A plain number was made of `size`: what follows holds for this value only."""
        if self._rule_step is not None:
            raise NotSymbolic(size.text)
        if not self.decide(equal(size, number(size.evaluate(self.sizes)))):
            raise AssertionError("a size differs from itself")
        self.pinned = True

    def require(self, condition: Condition, reason: Callable[[], str], shown: str = "") -> None:
        """Go on only if the condition holds, for every batch.

        Raises:
            Refused: it does not.
        """
        condition = self._plainer(for_all_batches(condition))
        known = self.known(condition)
        if known is None:
            truth = condition.evaluate(self.sizes)
            self._assume(
                condition if truth else negation(condition), is_limit=truth, shown=shown or None
            )
            known = truth
        if not known:
            raise Refused(reason())

    def known(self, condition: Condition) -> bool | None:
        """Whether the condition follows from what is known, or its opposite does."""
        if condition in self._held:
            return True
        if negation(condition) in self._held:
            return False
        if isinstance(condition, Junction):
            found = [self.known(part) for part in condition.parts]
            if condition.every:
                return False if False in found else None if None in found else True
            return True if True in found else None if None in found else False
        return settled(condition, self._facts)

    def doubt(self, about: str) -> None:
        """Something was not understood: the pass says nothing certain of other sizes."""
        if about not in self.doubts:
            self.doubts.append(about)

    # --- rules

    def ask_rule(self, step: int, rule: Callable[[], R], *, refuses: bool = False) -> R:
        """What a rule says, its questions noted as asked by `step`.

        Where the rule `refuses` (gives a reason, or None), a question whose other answer makes it
        refuse at once is a limit: there is no need to go and see what the model does there.

        Raises:
            NotSymbolic: the rule cannot reckon with formulas.
        """
        first = len(self.decisions)
        facts, held, exact = self._facts, dict(self._held), self._exact
        self._facts, self._exact = facts.copy(), exact.copy()
        try:
            with self._judging(step):
                answer = rule()
        except NotSymbolic:
            # what it asked before it gave up binds nobody
            del self.decisions[first:]
            self._facts, self._held, self._exact = facts, held, exact
            raise
        if refuses and answer is None:
            self._mark_limits(first, step, rule, facts, held, exact)
        return answer

    def _mark_limits(
        self,
        first: int,
        step: int,
        rule: Callable[[], R],
        facts: Facts,
        held: dict[Condition, None],
        exact: Exact,
    ) -> None:
        now = self._facts, self._held, self._exact
        for position in range(first, len(self.decisions)):
            decision = self.decisions[position]
            self._facts, self._held, self._exact = facts.copy(), dict(held), exact.copy()
            for earlier in self.decisions[first:position]:
                self._take(earlier.condition)
            self._take(negation(decision.condition))
            self._replaying = True
            try:
                with self._judging(step):
                    is_limit = rule() is not None
            except (_Open, NotSymbolic):
                is_limit = False
            finally:
                self._replaying = False
            if is_limit:
                self.decisions[position] = Decision(
                    decision.condition, True, decision.step, decision.site, decision.shown
                )
        self._facts, self._held, self._exact = now

    @contextmanager
    def _judging(self, step: int) -> Iterator[None]:
        self._rule_step = step
        try:
            yield
        finally:
            self._rule_step = None

    # --- keeping

    def _assume(self, condition: Condition, *, is_limit: bool, shown: str | None = None) -> None:
        step, site = self._where()
        if self._rule_step is not None:
            step = self._rule_step
        self.decisions.append(Decision(condition, is_limit, step, site, shown))
        self._take(condition)

    def _take(self, condition: Condition) -> None:
        if isinstance(condition, Junction) and condition.every:
            for part in condition.parts:
                self._take(part)
        self._held[condition] = None
        learn(condition, self._facts)
        self._exact.learn(condition)

    def _plainer(self, condition: Condition) -> Condition:
        """The same condition, given what is known, in the form that says most."""
        if isinstance(condition, Junction):
            parts = [self._plainer(part) for part in condition.parts]
            return without_settled(junction(parts, every=condition.every), self._facts)
        found = settled(condition, self._facts)
        condition = self._exact.settled(condition) if found is None else Always(found)
        if not isinstance(condition, Comparison) or not condition.is_zero:
            return condition
        sign = condition.negated
        plain: Condition = Comparison(condition.expr, True) if sign else condition
        plain = with_exact_quotients(plain, self._held)
        plain = split_equality(plain, self._facts)
        return negation(plain) if sign else plain
