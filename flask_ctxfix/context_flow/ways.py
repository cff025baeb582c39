"""The shortest way from what Flask calls, or what nobody sees, to a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.call_sites import Caller, CallSite
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import entry_step, step_at

NOTHING_NAMES = "nothing names it"
ONLY_UNNAMED = "called only by functions that nothing names"
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
        callers_of: Callable[[Module, FunctionNode], tuple[Caller, ...]],
        perhaps: Callable[[Module, FunctionNode], tuple[Caller, ...]],
        entries: Entries,
        contexts_of: Callable[[Place], Contexts],
        of_caller: Callable[[Caller], Contexts],
    ) -> None:
        self._callers_of = callers_of
        self._perhaps = perhaps
        self._entries = entries
        self._contexts_of = contexts_of
        self._of_caller = of_caller

    def to(self, asked: Place, where: Where) -> tuple[Step, ...]:
        """Return the shortest way to a function in a context: an entry, and the calls from it.

        Of several, it is the first by where their steps stand. Each beginning of it is the way to
        the function that it leads to, and is kept: many questions share most of their ways.
        """
        before: dict[Place, list[_Call]] = {asked: []}
        layer = [asked]
        found: list[tuple[tuple[Step, ...], list[_Call]]] = []
        depth = 0
        while layer and all(depth < len(begun) + len(calls) for begun, calls in found):
            ahead: list[Place] = []
            for each in layer:
                begun = self._begun(each, where)
                if begun is None:
                    ahead.append(each)
                else:
                    found.append((begun, _calls(each, asked, before)))
            layer = self._behind(ahead, where, before)
            depth += 1
        if not found:
            return (entry_step(*asked),)
        return self._keep(asked, where, *min(found, key=lambda way: _order(*way)))

    def _behind(
        self, layer: list[Place], where: Where, before: dict[Place, list[_Call]]
    ) -> list[Place]:
        """Return what calls functions and was not met before; add that to `before`."""
        following: dict[Place, list[_Call]] = {}
        for place in layer:
            for caller, node in self._calls_in(place, where):
                if caller not in before:
                    step = step_at(caller.module, node, "call")
                    following.setdefault(caller, []).append(_Call(step, place))
        before.update(following)
        return list(following)

    def _begun(self, place: Place, where: Where) -> tuple[Step, ...] | None:
        """Return the way to a function if it is known, or begins with that very function."""
        known: tuple[Step, ...] | None = place.module.known(("way", self, place.function, where))
        if known is not None:
            return known
        kind = self._kind_of_entry(place, where)
        return None if kind is None else (entry_step(*place, kind),)

    def _keep(
        self, asked: Place, where: Where, begun: tuple[Step, ...], calls: list[_Call]
    ) -> tuple[Step, ...]:
        """Keep the ways to all functions that a way leads over, and return the whole."""
        way = begun
        for call in calls:
            way = (*way, call.step)
            place, so_far = call.to, way
            place.module.memo(("way", self, place.function, where), lambda: so_far)  # noqa: B023
        return asked.module.memo(("way", self, asked.function, where), lambda: way)

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
        return self._callers_of(*place) or self._perhaps(*place)

    def _every(self, place: Place) -> Iterator[Caller]:
        yield from self._callers_of(*place)
        yield from self._perhaps(*place)

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


def _calls(root: Place, asked: Place, before: dict[Place, list[_Call]]) -> list[_Call]:
    """Return the first of the ways that lead from a function to the one that was asked for."""
    way = []
    while root is not asked:
        call = min(before[root], key=lambda call: call.order)
        way.append(call)
        root = call.to
    return way


def _order(begun: tuple[Step, ...], calls: list[_Call]) -> tuple[int, list[tuple[str, int, int]]]:
    """Return what ways are sorted by: how long they are, and where their steps stand."""
    steps = (*begun, *(call.step for call in calls))
    return len(steps), [(each.filename, each.row, each.column) for each in steps]
