"""Follows what holds something callable, to where it is called, given away or not seen any more."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from flask_ctxfix.context_flow.call_sites import (
    GIVEN_AWAY,
    NOT_FOLLOWED,
    TOO_WIDE,
    UNREAD,
    Caller,
    CallSite,
    Held,
    Inside,
    Known,
    Result,
    Unseen,
    is_property,
)
from flask_ctxfix.context_flow.entries import Entry, Where
from flask_ctxfix.context_flow.giving import given
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.stores import (
    GETTING,
    Store,
    is_filled,
    stores_of,
    variable,
)
from flask_ctxfix.context_flow.values import Partial
from flask_ctxfix.flask_facts import PROPERTIES
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionDefinition, FunctionNode
from flask_ctxfix.syntax import defaults_of, is_decorator

# What is kept under names that half of a large program has leads nearly everywhere.
_MOST = 1_000
_BOUND = f"the callers of a function that is stored in more than {_MOST:,} places"


class Walk:
    """Follows expressions that hold something callable: in all code, or in `home` alone."""

    def __init__(self, known: Known, home: FunctionNode | None) -> None:
        self._known = known
        self._values = known.values
        self._home = home
        self._left: list[tuple[Module, ast.AST, Need]] = []
        self._seen: set[tuple[object, ...]] = set()
        self._found: set[Held] = set()
        self._meets_again = False
        self._most = 0

    def add(self, module: Module, node: ast.AST, proven: Need = Need.NONE) -> None:
        """Follow an expression, unless tests hold it: they call what they test by themselves."""
        if self._known.project.is_test(module.path) and not isinstance(node, ast.Lambda):
            return
        if self._is_first((module.path, node, proven)):
            self._left.append((module, node, proven))

    def _is_first(self, key: tuple[object, ...]) -> bool:
        """Whether something is met for the first time, by this walk or the one that it is of."""
        if key in self._seen:
            self._meets_again = True
            return False
        self._seen.add(key)
        return True

    def called(self, module: Module, node: ast.AST, proven: Need = Need.NONE) -> None:
        """Note that what is followed runs where a node is evaluated, unless tests do that."""
        if not self._known.project.is_test(module.path):
            self._called(module, node, proven)

    def run(self) -> frozenset[Held]:
        """Return what calls what is followed, and what else becomes of it."""
        self._most = self._most or len(self._seen) + _MOST
        while self._left:
            if len(self._seen) > self._most:
                self._known.project.bounds[_BOUND] += 1
                return frozenset({Unseen(TOO_WIDE)})
            module, node, proven = self._left.pop()
            parent = module.scopes.parents[node]
            step = _STEPS.get(type(parent))
            if step is not None:
                step(self, module, parent, node, proven)
            elif isinstance(parent, ast.expr) and not isinstance(parent, _PLAIN):
                self._found.add(Unseen(NOT_FOLLOWED))
        return frozenset(self._found)

    def _call(self, module: Module, call: ast.Call, node: ast.AST, proven: Need) -> None:
        if call.func is node:
            self._called(module, call, proven)
        else:
            self._given(module, call, node, proven)

    def _keyword(self, module: Module, keyword: ast.keyword, node: ast.AST, proven: Need) -> None:
        call = module.scopes.parents[keyword]
        if isinstance(call, ast.Call):
            self._given(module, call, keyword, proven)

    def _called(self, module: Module, node: ast.AST, proven: Need) -> None:
        """Note that what is followed is called at a node."""
        around = module.scopes.function_of(node)
        there = max(proven, self._known.guards.at(module, node))
        if self._home is None:
            self._found.add(CallSite(module, node, there))
        elif around is self._home:
            self._found.add(Inside(there))
        elif around is not None and self._home in module.scopes.ancestors(around):
            self._holder(module, around, there)
        else:
            self._found.add(CallSite(module, node, there))

    def _holder(self, module: Module, function: FunctionNode, proven: Need) -> None:
        """Follow a function in `home` that calls what is followed."""
        if isinstance(function, ast.Lambda):
            self.add(module, function, proven)
            return
        parent = module.scopes.parents[function]
        if isinstance(parent, ast.ClassDef):
            self._found.add(Unseen(NOT_FOLLOWED))
            return
        for decorator in function.decorator_list:
            entry = self._known.entries.by_decorator(module, decorator)
            if entry is not None:
                self._found.add(entry)
        for read in module.scopes.scope_of(function).reads.get(function.name, ()):
            self.add(module, read, proven)

    def _given(self, module: Module, call: ast.Call, node: ast.AST, proven: Need) -> None:
        """Follow what is given to a call."""
        if self._values.name_of(module, call.func) in PROPERTIES:
            self._read_as_property(module, call, proven)
            return
        for each in given(self._known, module, call, node):
            if isinstance(each, Inside):
                self._called(module, call, max(proven, each.proven))
            elif isinstance(each, Result):
                self.add(module, call, max(proven, each.proven))
            else:
                self._read(each, proven)

    def _read_as_property(self, module: Module, made: ast.Call, proven: Need) -> None:
        """Note what reads an attribute of a class that is the property which a call makes."""
        statement = module.scopes.parents[made]
        owner = module.scopes.parents.get(statement)
        if not isinstance(statement, ast.Assign) or not isinstance(owner, ast.ClassDef):
            self._found.add(Unseen(GIVEN_AWAY))
            return
        for target in statement.targets:
            for kept in stores_of(self._known, module, target):
                for home, read in kept.reads if isinstance(kept, Store) else ():
                    self.called(home, read, proven)

    def _returned(self, module: Module, node: ast.AST, _: ast.AST, proven: Need) -> None:
        function = module.scopes.function_of(node)
        if function is None:
            return
        if function is self._home:
            self._found.add(Result(proven))
        elif self._home is not None and self._home in module.scopes.ancestors(function):
            self._holder(module, function, proven)
        elif isinstance(function, ast.Lambda):
            self._found.add(Unseen(NOT_FOLLOWED))
        else:
            self._follow_results(module, function, proven)

    def _follow_results(self, module: Module, function: FunctionDefinition, proven: Need) -> None:
        """Follow what calls of a function give, also where that takes the place of another."""
        for home, node in self._results(module, function):
            if isinstance(node, FunctionDefinition):
                self._replaces(home, node, proven)
            elif node is None:
                self._found.add(Unseen(NOT_FOLLOWED))
            else:
                self.add(home, node, proven)

    def _results(
        self, module: Module, function: FunctionDefinition
    ) -> Iterator[tuple[Module, ast.AST | None]]:
        """Yield what calls of a function give: the call, the function that it decorates, or None.

        None is what nobody sees. A function that another one returns is called where that one's
        results are.
        """
        for home, reference in self._known.references.of(module, function):
            parent = home.scopes.parents[reference]
            outer = home.scopes.function_of(reference)
            if is_property(function):
                yield home, reference
            elif isinstance(parent, ast.Return) and isinstance(outer, FunctionDefinition):
                if self._is_first(("results", outer, function)):
                    for other, result in self._results(home, outer):
                        yield other, result and _called_by(other, result)
            else:
                yield home, _called_by(home, reference)

    def _replaces(self, module: Module, function: FunctionDefinition, proven: Need) -> None:
        """Follow what a decorator has put in the place of a function."""
        self._found.update(self._known.entries.of(module, function))
        for home, reference in self._known.references.certain(module, function):
            self.add(home, reference, proven)

    def _assigned(self, module: Module, node: Any, value: ast.AST, proven: Need) -> None:
        if value is not node.value:
            return
        for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
            self._kept(module, target, proven)
        if isinstance(node, ast.NamedExpr):
            self.add(module, node, proven)

    def _kept(self, module: Module, target: ast.AST, proven: Need) -> None:
        """Follow what reads the variable, attribute or container that something is kept in."""
        for kept in stores_of(self._known, module, target):
            self._read(kept, proven)

    def _read(self, kept: Store | Caller, proven: Need) -> None:
        """Follow what reads a place that something is kept in, for a call of it."""
        if not isinstance(kept, Store):
            self._found.add(kept)
        elif self._is_first((*kept.key, proven)):
            walk = Walk(self._known, self._home)
            walk._seen, walk._most = self._seen, self._most
            is_read = False
            for module, read in kept.reads:
                walk.add(module, read, proven)
                is_test = self._known.project.is_test(module.path)
                is_read = is_read or not (is_test or is_filled(module, read))
            found = walk.run()
            if not found and not walk._meets_again:
                found = frozenset({Unseen(UNREAD, is_likely=not is_read)})
            self._found |= found

    def _read_of(self, module: Module, parent: ast.Attribute, node: ast.expr, proven: Need) -> None:
        """Follow an attribute of what is followed, if that is what a container gives."""
        call = module.scopes.parents[parent]
        if parent.attr == "as_view":
            self._found.add(Entry("view", Where.REQUEST))
        elif parent.attr in GETTING and isinstance(call, ast.Call) and call.func is parent:
            self.add(module, call, proven)
        elif parent.attr == "__call__" or isinstance(self._values.of(module, node), Partial):
            self._found.add(Unseen(NOT_FOLLOWED))

    def _looped(self, module: Module, loop: Any, node: ast.AST, proven: Need) -> None:
        if loop.iter is node:
            for name in ast.walk(loop.target):
                if isinstance(name, ast.Name):
                    self._read(variable(self._known, module, name), proven)

    def _element(self, module: Module, parent: Any, node: ast.AST, proven: Need) -> None:
        """Follow a container, or an expression whose value is one of its parts."""
        if isinstance(parent, ast.IfExp) and parent.test is node:
            return
        if isinstance(parent, ast.Subscript) and parent.value is not node:
            return
        if isinstance(parent, ast.Tuple | ast.List) and isinstance(parent.ctx, ast.Store):
            return
        if isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load):
            return
        if isinstance(parent, ast.Subscript) and _is_annotation(module, parent):
            return
        self.add(module, parent, proven)

    def _decorates(self, module: Module, parent: Any, node: ast.AST, proven: Need) -> None:
        if is_decorator(node, parent):
            self._called(module, parent, proven)

    def _default(self, module: Module, parent: ast.arguments, node: ast.AST, proven: Need) -> None:
        """Follow a parameter that something is the default of."""
        function = module.scopes.parents[parent]
        for argument, default in defaults_of(parent):
            if default is node:
                home = module.scopes.opened_by(function)
                for read in home.reads.get(argument.arg, ()):
                    self.add(module, read, proven)

    def _lambda(self, module: Module, parent: ast.Lambda, node: ast.AST, proven: Need) -> None:
        if parent.body is node:
            self._returned(module, node, node, proven)

    def _yielded(self, module: Module, parent: ast.AST, node: ast.AST, proven: Need) -> None:
        self._found.add(Unseen(NOT_FOLLOWED))


_STEPS: dict[type[ast.AST], Callable[[Walk, Module, Any, Any, Need], None]] = {
    ast.Call: Walk._call,
    ast.keyword: Walk._keyword,
    ast.Return: Walk._returned,
    ast.Assign: Walk._assigned,
    ast.AnnAssign: Walk._assigned,
    ast.NamedExpr: Walk._assigned,
    ast.Attribute: Walk._read_of,
    ast.For: Walk._looped,
    ast.AsyncFor: Walk._looped,
    ast.comprehension: Walk._looped,
    ast.FunctionDef: Walk._decorates,
    ast.AsyncFunctionDef: Walk._decorates,
    ast.ClassDef: Walk._decorates,
    ast.arguments: Walk._default,
    ast.Lambda: Walk._lambda,
    ast.Yield: Walk._yielded,
    ast.YieldFrom: Walk._yielded,
    **dict.fromkeys(
        (
            *(ast.Dict, ast.List, ast.Set, ast.Tuple, ast.Subscript, ast.IfExp, ast.BoolOp),
            *(ast.Starred, ast.Await, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
        ),
        Walk._element,
    ),
}
# Expressions that only look at what they are made of.
_PLAIN = (ast.Compare, ast.UnaryOp, ast.FormattedValue, ast.JoinedStr)


def _called_by(module: Module, node: ast.AST) -> ast.AST | None:
    """Return what calls an expression, as the call or the function that it decorates."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Call) and parent.func is node:
        return parent
    return parent if is_decorator(node, parent) else None


def _is_annotation(module: Module, node: ast.AST) -> bool:
    """Whether an expression is part of what says a type."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.arg):
            return True
        if isinstance(parent, ast.AnnAssign):
            return child is parent.annotation
        if isinstance(parent, FunctionDefinition):
            return child is parent.returns
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False
