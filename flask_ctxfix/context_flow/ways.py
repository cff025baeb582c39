"""The shortest way from what Flask calls, or what nobody sees, to a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.callers import Caller, Callers, CallSite
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import FunctionNode

NOTHING_NAMES = "nothing names it"
ONLY_UNNAMED = "called only by what nothing calls"
SEVERAL = "it runs in several contexts"  # the summary knows this one
ELSEWHERE = "it runs later, or where a decorator starts it"


class Place(NamedTuple):
    """A function of the project."""

    module: Module
    function: FunctionNode

    @property
    def step(self) -> Step:
        """The function as a step on a way."""
        name = "lambda" if isinstance(self.function, ast.Lambda) else self.function.name
        return Step(name, self.module.path, self.function.lineno)


Contexts = frozenset[Where]


class Ways:
    """Goes back from functions to what calls them, until something tells the context."""

    def __init__(
        self,
        callers: Callers,
        entries: Entries,
        contexts_of: Callable[[Place], Contexts],
        of_caller: Callable[[Caller], Contexts],
    ) -> None:
        self._callers = callers
        self._entries = entries
        self._contexts_of = contexts_of
        self._of_caller = of_caller

    def to(self, asked: Place, where: Where) -> tuple[Step, ...]:
        """Return the functions on the shortest way that leads to one in a context."""
        before: dict[Place, set[Place]] = {asked: set()}
        layer = [asked]
        while layer:
            roots = [each for each in layer if self._begins(each, where)]
            if roots:
                return min(_way(each, asked, before) for each in roots)
            following: dict[Place, set[Place]] = {}
            for place in layer:
                for caller in self._callers_in(place, where):
                    if caller not in before:
                        following.setdefault(caller, set()).add(place)
            before.update(following)
            layer = list(following)
        return (asked.step,)

    def reason(self, asked: Place, contexts: Contexts) -> str:
        """Return why nobody knows where a function runs."""
        if not contexts:
            return ONLY_UNNAMED if any(self._every(asked)) else NOTHING_NAMES
        if Where.UNKNOWN not in contexts:
            return SEVERAL
        seen = {asked}
        layer = [asked]
        while layer:
            reasons = [reason for each in layer for reason in self._reasons(each)]
            if reasons:
                return min(reasons)
            callers = (c for each in layer for c in self._callers_in(each, Where.UNKNOWN))
            layer = [each for each in dict.fromkeys(callers) if each not in seen]
            seen.update(layer)
        return ELSEWHERE

    def _every(self, place: Place) -> Iterator[Caller]:
        yield from self._callers.of(*place)
        yield from self._callers.perhaps(*place)

    def _callers_in(self, place: Place, where: Where) -> Iterator[Place]:
        """Yield the functions that call one and run in a context."""
        for caller in self._every(place):
            if isinstance(caller, CallSite):
                function = caller.module.scopes.function_of(caller.node)
                if function is not None and where in self._of_caller(caller):
                    yield Place(caller.module, function)

    def _begins(self, place: Place, where: Where) -> bool:
        """Whether something else than a function of the project has one run in a context."""
        entries = self._entries.of(*place)
        if any((each.where or Where.UNKNOWN) is where for each in entries):
            return True
        for caller in self._every(place):
            if isinstance(caller, Entry) and caller.where is where:
                return True
            if isinstance(caller, CallSite) and where in self._of_caller(caller):
                function = caller.module.scopes.function_of(caller.node)
                if function is None:
                    return True
                if where not in self._contexts_of(Place(caller.module, function)):
                    return True  # the context is made on the way
        return False

    def _reasons(self, place: Place) -> Iterator[str]:
        for entry in self._entries.of(*place):
            if entry.where in (None, Where.UNKNOWN) and entry.reason:
                yield entry.reason
        for caller in self._every(place):
            if isinstance(caller, Entry):
                if caller.where in (None, Where.UNKNOWN):
                    yield caller.reason
            elif not isinstance(caller, CallSite):
                yield caller.reason


def _way(root: Place, asked: Place, before: dict[Place, set[Place]]) -> tuple[Step, ...]:
    """Return the first of the ways from a root to the function that was asked for."""
    way = [root.step]
    while root is not asked:
        root = min(before[root], key=lambda each: each.step)
        way.append(root.step)
    return tuple(way)
