"""Answers to questions that ask each other: the same, whichever is asked first.

A question may ask others on its way to an answer, in chains of any length and in circles. Circles
are the strongly connected components of who asks whom (Tarjan, 1972); each is answered as a
fixpoint: all of its questions are answered anew from the answers of the round before, beginning
with "nothing is known", until no answer changes. An answer is kept once it is final; what is known
on the way is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from operator import eq
from typing import Any, Generic, TypeVar

from flask_ctxfix.module import Keeper
from flask_ctxfix.records import Record

Result = TypeVar("Result")

# Questions that ask each other directly, as Python functions that call each other. Of a longer
# chain, those so far wait until the next one is answered by itself.
_DEEPEST = 30
# Rounds in which the answers of a circle may go to and fro, before they may only grow.
_FREE_ROUNDS = 50
_FREE_ROUNDS_EACH = 3


class QuestionKind(Record, Generic[Result], eq=False):
    """A kind of question, as "what does this function need".

    `unknown` is the answer as long as nothing is known. `joined` makes one answer of two that a
    circle gives in turns: applied again and again, it must come to an end.
    """

    name: str
    unknown: Result
    joined: Callable[[Result, Result], Result]
    are_alike: Callable[[Result, Result], bool] = eq


_NOTHING: frozenset[Any] = frozenset()


# What is read of the answers of a keeper where there is none.
OPEN: Any = object()


class _Question:
    """A question without a final answer.

    `place` is its position among these, `lowest` that of the first one that it waits for. `first`
    is its answer where nothing is known of its circle, `value` that of the last round; `awaited`
    are the questions of the circle that this was made of. `gave_way` says that it is to be answered
    again, behind one that was too deep below it.
    """

    __slots__ = (
        "awaited",
        "compute",
        "first",
        "gave_way",
        "in_round",
        "keeper",
        "key",
        "kind",
        "lowest",
        "place",
        "value",
    )

    def __init__(
        self, keeper: Keeper, kind: QuestionKind[Any], key: Hashable, compute: Callable[[], Any]
    ) -> None:
        self.keeper = keeper
        self.kind = kind
        self.key = key
        self.compute = compute
        self.place = self.lowest = -1
        self.in_round = self.gave_way = False
        self.value = self.first = kind.unknown
        self.awaited: Collection[_Question] = _NOTHING


class _TooDeep(BaseException):
    """The questions that wait for `question` have to give way to it."""

    def __init__(self, question: _Question) -> None:
        self.question = question


class Table:
    """Answers questions and keeps the final answers."""

    def __init__(self) -> None:
        self._unanswered: list[_Question] = []
        self._by_key: dict[tuple[Keeper, Hashable], _Question] = {}
        self._running: list[_Question] = []
        # Of the questions that waited for others, or were waited for, as long as others still wait.
        self._failed: dict[tuple[Keeper, Hashable], Exception] = {}

    def ask(
        self,
        keeper: Keeper,
        kind: QuestionKind[Result],
        key: Hashable,
        compute: Callable[[], Result],
    ) -> Result:
        """Return the answer to a question of a `kind`, which `compute` gives.

        `compute` must do the same whenever it is called: it asks other questions and answers from
        what they give. `key` tells the questions of a keeper apart, whatever their kind.
        """
        answer = keeper.answers.get(key, OPEN)
        if answer is not OPEN:
            return answer  # type: ignore[no-any-return]
        question = self._by_key.get((keeper, key))
        if question is not None:
            return self._so_far(question)  # type: ignore[no-any-return]
        if (keeper, key) in self._failed:
            raise self._failed[keeper, key]
        question = _Question(keeper, kind, key, compute)
        if not self._running:
            self._answer(question)
        elif len(self._running) >= _DEEPEST:
            raise _TooDeep(question)
        else:
            self._explore(question)
        if key in keeper.answers:
            return keeper.answers[key]  # type: ignore[no-any-return]
        return self._so_far(question)  # type: ignore[no-any-return]

    def _so_far(self, question: _Question) -> Any:
        """Return what is known of a question that whoever asks now has to wait for."""
        asking = self._running[-1]
        asking.lowest = min(asking.lowest, question.lowest)
        asking.awaited = {*asking.awaited, question}
        return question.value if asking.in_round else question.kind.unknown

    def _answer(self, question: _Question) -> None:
        """Answer a question, and before it those that are too deep below it, one by one."""
        waiting = [question]
        try:
            while waiting:
                try:
                    self._explore(waiting[-1])
                    waiting.pop()
                except _TooDeep as deep:
                    known = {*waiting}
                    gave_way = [each for each in self._unanswered if each.gave_way]
                    waiting += [each for each in gave_way if each not in known]
                    waiting.append(deep.question)
                except Exception as error:
                    # Whoever asked asks again, and deals with the error, unless nobody did.
                    if len(waiting) == 1:
                        raise
                    failed = waiting.pop()
                    self._failed[failed.keeper, failed.key] = error
        finally:
            self._failed.clear()
            self._drop_from(0)

    def _explore(self, question: _Question) -> None:
        """Find out what a question asks; keep its answer, or that of its circle, if it is final."""
        if question.place < 0:
            question.place = len(self._unanswered)
            self._unanswered.append(question)
            self._by_key[question.keeper, question.key] = question
        question.lowest = question.place
        question.gave_way = False
        try:
            question.first = self._computed(question, in_round=False)
            if question.lowest == question.place:
                self._close(question)
        except _TooDeep:
            question.gave_way = True
            raise
        except BaseException:
            self._drop_from(question.place)
            raise

    def _computed(self, question: _Question, *, in_round: bool) -> Any:
        question.awaited = _NOTHING
        question.in_round = in_round
        self._running.append(question)
        try:
            return question.compute()
        finally:
            self._running.pop()

    def _drop_from(self, place: int) -> None:
        for question in self._unanswered[place:]:
            del self._by_key[question.keeper, question.key]
        del self._unanswered[place:]

    def _close(self, first: _Question) -> None:
        """Keep the answers of the circle that begins with `first`, which may be in it alone."""
        if not first.awaited and first.place == len(self._unanswered) - 1:
            first.keeper.answers[first.key] = first.first
            del self._by_key[first.keeper, first.key]
            self._unanswered.pop()
            return
        circle = self._settle(first.place)
        first.lowest = min(each.lowest for each in circle)
        if first.lowest < first.place:
            return
        for question in circle:
            question.keeper.answers[question.key] = question.value
        self._drop_from(first.place)

    def _settle(self, place: int) -> list[_Question]:
        """Answer the questions of a circle in rounds until no answer changes; return them.

        What a question asks for the first time in some round may belong to the circle as well; the
        rounds begin again then, so that they do not depend on when that was found out. If that is
        waiting for the circle already, they end: the circle is a part of a larger one.
        """
        size = 0
        while True:
            if len(self._unanswered) - place != size:
                circle = stale = self._unanswered[place:]
                size, rounds = len(circle), 0
                for question in circle:
                    question.value = question.first
            rounds += 1
            new = {each: self._computed(each, in_round=True) for each in stale}
            if any(each.lowest < place for each in stale):
                return circle
            if rounds > _FREE_ROUNDS + _FREE_ROUNDS_EACH * size:
                new = {each: each.kind.joined(each.value, value) for each, value in new.items()}
            changed = {
                each for each, value in new.items() if not each.kind.are_alike(each.value, value)
            }
            for question, value in new.items():
                question.value = value
            stale = [each for each in circle if not changed.isdisjoint(each.awaited)]
            if not stale and len(self._unanswered) - place == size:
                return circle
