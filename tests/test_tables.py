"""Tables answer questions that ask each other: final answers only, in whatever order."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.module import Keeper

Calls = dict[int, list[int]]
REACHED: QuestionKind[frozenset[int]] = QuestionKind("reached", frozenset(), frozenset.union)


class Graph:
    """Asks which numbers a number leads to: a question for each, in a table."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.table = Table()
        self.keeper = Keeper()
        self.computed: list[int] = []

    def reached(self, number: int) -> frozenset[int]:
        return self.table.ask(self.keeper, REACHED, number, lambda: self._compute(number))

    def _compute(self, number: int) -> frozenset[int]:
        self.computed.append(number)
        found = {number}
        for each in self.calls[number]:
            found |= self.reached(each)
        return frozenset(found)


def expected(calls: Calls, number: int) -> frozenset[int]:
    seen = {number}
    left = [number]
    while left:
        new = [each for each in calls[left.pop()] if each not in seen]
        seen.update(new)
        left += new
    return frozenset(seen)


def graphs() -> st.SearchStrategy[Calls]:
    def of_size(size: int) -> st.SearchStrategy[Calls]:
        numbers = st.lists(st.integers(0, size - 1), max_size=4)
        every = st.lists(numbers, min_size=size, max_size=size)
        return every.map(lambda lists: dict(enumerate(lists)))

    return st.integers(1, 60).flatmap(of_size)


@settings(deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_same_as_a_search_of_the_graph(calls: Calls, order: random.Random) -> None:
    graph = Graph(calls)
    numbers = [*calls]
    order.shuffle(numbers)
    for number in numbers:
        assert graph.reached(number) == expected(calls, number)
    assert {*graph.keeper.answers} == {*calls}


@pytest.mark.parametrize("length", [16, 200, 5_000])
@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("start", ["first", "middle", "last"])
def test_long_chains_and_circles(length: int, is_circle: bool, start: str) -> None:
    follower = {number: number + 1 for number in range(length)}
    follower[length - 1] = 0 if is_circle else length - 1
    table, keeper = Table(), Keeper()
    depth: QuestionKind[int] = QuestionKind("depth", 0, max)

    def ask(number: int) -> int:
        # The last one of a chain is reached by all; a circle has it as well.
        return table.ask(keeper, depth, number, lambda: compute(number))

    def compute(number: int) -> int:
        below = ask(follower[number])
        return max(below, length) if number == length - 1 else below

    first = {"first": 0, "middle": length // 2, "last": length - 1}[start]
    assert ask(first) == length
    assert all(ask(number) == length for number in range(length))


def test_a_chain_is_computed_about_twice() -> None:
    graph = Graph({number: [number + 1] if number < 999 else [] for number in range(1_000)})
    assert len(graph.reached(0)) == 1_000
    assert len(graph.computed) <= 2_100


def test_a_circle_that_only_the_answers_so_far_show() -> None:
    """Question 2 belongs to the circle only once question 1 has found something."""
    table, keeper = Table(), Keeper()

    def ask(number: int) -> frozenset[int]:
        return table.ask(keeper, REACHED, number, lambda: compute(number))

    def compute(number: int) -> frozenset[int]:
        if number == 0:
            return ask(1) | {0}
        if number == 1:
            below = ask(0)
            return (below | ask(2) if below else below) | {1}
        return ask(0) | {2}

    for first in range(3):
        keeper.answers.clear()
        ask(first)
        assert [ask(number) for number in range(3)] == [frozenset({0, 1, 2})] * 3


def test_answers_that_never_agree_are_joined() -> None:
    table, keeper = Table(), Keeper()

    def ask(number: int) -> frozenset[int]:
        return table.ask(keeper, REACHED, number, lambda: compute(number))

    def compute(number: int) -> frozenset[int]:
        other = ask(1 - number)
        return frozenset({number}) - other if number else frozenset({0, 1}) - other

    answers = []
    for first in range(2):
        keeper.answers.clear()
        ask(first)
        answers.append([ask(0), ask(1)])
    assert answers[0] == answers[1]


@settings(deadline=None)
@given(graphs(), st.integers(0, 59), st.randoms(use_true_random=False))
def test_an_error_leaves_nothing_behind(calls: Calls, failing: int, order: random.Random) -> None:
    """A question that fails has no answer, nor have those that let the error through."""

    class Failing(Graph):
        is_broken = True

        def _compute(self, number: int) -> frozenset[int]:
            if number == failing and self.is_broken:
                raise LookupError(number)
            return super()._compute(number)

    graph = Failing(calls)
    numbers = [*calls]
    order.shuffle(numbers)
    for number in numbers:
        if failing in expected(calls, number):
            with pytest.raises(LookupError):
                graph.reached(number)
        else:
            assert graph.reached(number) == expected(calls, number)
    graph.is_broken = False
    for number in numbers:
        assert graph.reached(number) == expected(calls, number)


@settings(deadline=None)
@given(graphs())
def test_errors_that_are_caught_far_below(calls: Calls) -> None:
    """Whoever catches the error of a question goes on, however deep it is."""
    size = len(calls)
    table, keeper = Table(), Keeper()
    total: QuestionKind[int] = QuestionKind("total", 0, max)
    chain = 100

    def ask(number: int) -> int:
        return table.ask(keeper, total, number, lambda: compute(number))

    def compute(number: int) -> int:
        if number < chain:
            return ask(number + 1)
        if number == chain:
            return sum(1 for each in range(size) if caught(chain + 1 + each))
        raise LookupError(number)

    def caught(number: int) -> bool:
        try:
            ask(number)
        except LookupError:
            return True
        return False

    assert ask(0) == size


@settings(deadline=None)
@given(graphs(), st.data(), st.randoms(use_true_random=False))
def test_questions_that_answers_lead_to(
    calls: Calls, data: st.DataObject, order: random.Random
) -> None:
    """Some calls are only made once an answer holds a number: the least fixpoint has them all."""
    numbers = st.none() | st.integers(0, len(calls) - 1)
    wanted = {
        (caller, place): data.draw(numbers)
        for caller, called in calls.items()
        for place in range(1, len(called))
    }

    class Dynamic(Graph):
        def _compute(self, number: int) -> frozenset[int]:
            return step(number, self.reached)

    def step(number: int, ask: Callable[[int], frozenset[int]]) -> frozenset[int]:
        found = frozenset({number})
        for place, each in enumerate(calls[number]):
            if wanted.get((number, place)) is None or wanted[number, place] in found:
                found |= ask(each)
        return found

    least: dict[int, frozenset[int]] = dict.fromkeys(calls, frozenset())
    while (after := {each: step(each, least.__getitem__) for each in calls}) != least:
        least = after
    graph = Dynamic(calls)
    shuffled = [*calls]
    order.shuffle(shuffled)
    assert {each: graph.reached(each) for each in shuffled} == least
