"""The shortest way from what Flask calls, or what nobody sees, to a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.call_sites import Caller, CallSite
from flask_ctxfix.context_flow.callers import Callers
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import entry_step, step_at

NOTHING_NAMES = "nothing names it"
ONLY_UNNAMED = "called only by what nothing calls"
SEVERAL = "it runs in several contexts"  # the summary knows this one


class Place(NamedTuple):
    """A function of the project."""

    module: Module
    function: FunctionNode


class _Call(NamedTuple):
    """A call of one function by another, which it leads to."""

    step: Step
    to: Place

    @property
    def order(self) -> tuple[str, int, int]:
        """Where the call stands."""
        return self.step.filename, self.step.row, self.step.column


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
        """Return the shortest way to a function in a context: an entry, and the calls from it."""
        before: dict[Place, list[_Call]] = {asked: []}
        layer = [asked]
        while layer:
            kinds = {each: self._kind_of_entry(each, where) for each in layer}
            ways = [
                _way(each, kind, asked, before) for each, kind in kinds.items() if kind is not None
            ]
            if ways:
                return min(ways, key=lambda way: [(s.filename, s.row, s.column) for s in way])
            following: dict[Place, list[_Call]] = {}
            for place in layer:
                for caller, node in self._calls_in(place, where):
                    if caller not in before:
                        step = step_at(caller.module, node, "call")
                        following.setdefault(caller, []).append(_Call(step, place))
            before.update(following)
            layer = list(following)
        return (entry_step(*asked),)

    def reason(self, asked: Place, contexts: Contexts) -> str:
        """Return why nobody knows where a function runs."""
        if not contexts:
            return ONLY_UNNAMED if any(self._every(asked)) else NOTHING_NAMES
        seen = {asked}
        layer = [asked]
        while layer:
            reasons = [reason for each in layer for reason in self._reasons(each)]
            if reasons:
                return min(reasons)
            callers = (c for each in layer for c in self._unknown_callers(each))
            layer = [each for each in dict.fromkeys(callers) if each not in seen]
            seen.update(layer)
        return SEVERAL

    def _unknown_callers(self, place: Place) -> Iterator[Place]:
        """Yield the functions that call one and run nobody knows where."""
        for caller in self._counted(place):
            if isinstance(caller, CallSite) and Where.UNKNOWN in self._of_caller(caller):
                function = caller.module.scopes.function_of(caller.node)
                if function is not None:
                    yield Place(caller.module, function)

    def _counted(self, place: Place) -> tuple[Caller, ...]:
        """Return what calls a function, or if nothing is seen to, what may."""
        return self._callers.of(*place) or self._callers.perhaps(*place)

    def _every(self, place: Place) -> Iterator[Caller]:
        yield from self._callers.of(*place)
        yield from self._callers.perhaps(*place)

    def _calls_in(self, place: Place, where: Where) -> Iterator[tuple[Place, ast.AST]]:
        """Yield the functions that call one and run in a context, with the calls."""
        for caller in self._every(place):
            if isinstance(caller, CallSite):
                function = caller.module.scopes.function_of(caller.node)
                if function is not None and where in self._of_caller(caller):
                    yield Place(caller.module, function), caller.node

    def _kind_of_entry(self, place: Place, where: Where) -> str | None:
        """Return what has a function run in a context, if that is no function of the project.

        It is empty where that is unnamed: code of a module, or a context that is made on the way.
        """
        for entry in self._entries.of(*place):
            if (entry.where or Where.UNKNOWN) is where:
                return entry.kind
        for caller in self._every(place):
            if isinstance(caller, Entry) and caller.where is where:
                return caller.kind
            if isinstance(caller, CallSite) and where in self._of_caller(caller):
                function = caller.module.scopes.function_of(caller.node)
                if function is None or where not in self._contexts_of(
                    Place(caller.module, function)
                ):
                    return ""
        return None

    def _reasons(self, place: Place) -> Iterator[str]:
        for entry in self._entries.of(*place):
            if entry.where in (None, Where.UNKNOWN) and entry.reason:
                yield entry.reason
        for caller in self._counted(place):
            if isinstance(caller, Entry):
                if caller.where in (None, Where.UNKNOWN):
                    yield caller.reason
            elif not isinstance(caller, CallSite):
                yield caller.reason


def _way(
    root: Place, kind: str, asked: Place, before: dict[Place, list[_Call]]
) -> tuple[Step, ...]:
    """Return the first of the ways from a root to the function that was asked for."""
    way = [entry_step(*root, kind)]
    while root is not asked:
        step, root = min(before[root], key=lambda call: call.order)
        way.append(step)
    return tuple(way)
