"""Answers that are made of other answers, which may lead back to the question."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from typing import Protocol, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value", bound=Hashable)
_Asked = TypeVar("_Asked", bound=Hashable, contravariant=True)

# Yields what has to be answered before; gets the answer, None for what leads back to the question.
Steps = Generator[Key, frozenset[Value] | None, set[Value]]


class Known(Protocol[_Asked, Value]):
    """Keeps answers; a dictionary does."""

    def get(self, key: _Asked, /) -> frozenset[Value] | None:
        """Return the answer to a question, if there is one already."""

    def __setitem__(self, key: _Asked, answer: frozenset[Value], /) -> None: ...


def solve(
    root: Key, steps: Callable[[Key], Steps[Key, Value]], known: Known[Key, Value]
) -> frozenset[Value]:
    """Return the answer to `root`, and keep it in `known` with all that were needed for it.

    The questions of a circle have one answer: all that goes into any of them (Tarjan's algorithm,
    with a stack of its own, so that there is no limit to how far questions lead).
    """
    answer = known.get(root)
    if answer is not None:
        return answer
    first = steps(root)
    try:
        needed = next(first)
    except StopIteration as stop:  # most need nothing else
        answer = known[root] = frozenset(stop.value)
        return answer
    return _solved(root, first, needed, steps, known)


def _solved(
    root: Key,
    first: Steps[Key, Value],
    needed: Key,
    steps: Callable[[Key], Steps[Key, Value]],
    known: Known[Key, Value],
) -> frozenset[Value]:
    """Return the answer to `root`, whose `first` steps have got as far as to what is `needed`."""
    index: dict[Key, int] = {}
    lowest: dict[Key, int] = {}
    own: dict[Key, set[Value]] = {}
    open_keys: list[Key] = []
    place: dict[Key, int] = {}
    active: list[tuple[Key, Steps[Key, Value]]] = []

    def begin(key: Key, asking: Steps[Key, Value]) -> None:
        index[key] = lowest[key] = len(index)
        place[key] = len(open_keys)
        open_keys.append(key)
        active.append((key, asking))

    def finish(key: Key) -> None:
        members = open_keys[(start := place[key]) :]
        del open_keys[start:]
        if len(members) == 1:
            known[key] = frozenset(own.pop(key))
            return
        union = frozenset[Value]().union(*(own.pop(member) for member in members))
        for member in members:
            known[member] = union

    begin(root, first)
    while active:
        answer = known.get(needed)
        if answer is None and needed in index:
            above = active[-1][0]
            lowest[above] = min(lowest[above], index[needed])
        elif answer is None:
            begin(needed, steps(needed))
        while active:
            key, asking = active[-1]
            try:
                needed = asking.send(answer)
                break
            except StopIteration as stop:
                own[key] = stop.value
                active.pop()
                if lowest[key] == index[key]:
                    finish(key)
                elif active:
                    above = active[-1][0]
                    lowest[above] = min(lowest[above], lowest[key])
                answer = known.get(key)
    assert answer is not None
    return answer
