"""Scopes of one module: what binds a name, and which reads see that binding."""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, TypeVar, cast

from flask_ctxfix.scope import (
    Binding,
    BindingKind,
    Comprehension,
    FunctionDefinition,
    FunctionNode,
    Scope,
)
from flask_ctxfix.scope_walk import ScopeWalk, children
from flask_ctxfix.small_nodes import shrink
from flask_ctxfix.syntax import last_name

__all__ = [
    "Binding",
    "BindingKind",
    "Comprehension",
    "FunctionDefinition",
    "FunctionNode",
    "Scope",
    "Scopes",
    "children",
]

Node = TypeVar("Node", bound=ast.AST)

_FUNCTIONS = {ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Attributes(NamedTuple):
    """The expressions that have an attribute: all, by its name, and what is done with it."""

    every: dict[str, list[ast.Attribute]]
    reads: dict[str, list[ast.Attribute]]
    changes: list[ast.Attribute]


def _by_name(attributes: Iterable[ast.Attribute]) -> dict[str, list[ast.Attribute]]:
    found: dict[str, list[ast.Attribute]] = defaultdict(list)
    for each in attributes:
        found[each.attr].append(each)
    return found


class Scopes:
    """The scopes of a module, the parent of each node, and the scope that each node stands in."""

    def __init__(self, tree: ast.Module, text: str, filename: str) -> None:
        walk = ScopeWalk(tree)
        if walk.is_suspect:
            symtable.symtable(text, filename, "exec")  # raises SyntaxError if Python refuses it
        shrink(walk.nodes)
        self.parents = walk.parents
        self.module = walk.module
        self.every = walk.every
        # The reads, assignments and deletions of names, by the name, whatever it stands for.
        self.names: Mapping[str, list[ast.Name]] = walk.names
        self._nodes = walk.nodes
        self._opened = walk.opened
        self._with_parameters = walk.with_parameters
        self._home_of = walk.homes
        self._function_of: dict[ast.AST, FunctionNode | None] = {}

    def nodes(self, kind: type[Node]) -> list[Node]:
        """Return the nodes of exactly this type, in the order of the text, scope by scope."""
        return cast("list[Node]", self._nodes.get(kind, []))

    def scope_of(self, node: ast.AST) -> Scope:
        """Return the scope that `node` is evaluated in; for a scope's own node, its outer scope."""
        below, child, parent = node, node, self.parents.get(node)
        while parent is not None:
            scope = self._opened.get(parent)
            if scope is not None and self._inside(parent, child, below):
                return scope
            scope = self._with_parameters.get(parent)
            if scope is not None and self._sees_parameters(child, below):
                return scope
            below, child, parent = child, parent, self.parents.get(parent)
        return self.module

    def home_of(self, name: ast.Name) -> Scope:
        """Return the scope that binds a name where it stands; the module if nothing does."""
        home = self._home_of.get(name)
        if home is None:
            home = self._home_of[name] = self.scope_of(name).home(name.id)
        return home

    def opened_by(self, node: ast.AST) -> Scope:
        """Return the scope that a function, class, lambda or comprehension opens."""
        return self._opened[node]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parent of `node`, its parent, and so on up to the module."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """Return the innermost function whose body holds `node`."""
        known, parents = self._function_of, self.parents
        passed: list[ast.AST] = []
        current = node
        while current not in known:  # most are asked for again, and so are their parents
            passed.append(current)
            parent = parents.get(current)
            if parent is None or parent.__class__ in _FUNCTIONS:
                known[current] = cast("FunctionNode | None", parent)
            else:
                current = parent
        function = known[current]
        for each in passed:
            known[each] = function
        return function

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """The calls, by the last name of what they call; those of anything else under none."""
        found: dict[str, list[ast.Call]] = defaultdict(list)
        for each in self.nodes(ast.Call):
            found[last_name(each.func)].append(each)
        return found

    @cached_property
    def strings(self) -> list[tuple[str, ast.Constant]]:
        """The strings that the code holds, each with its node; docstrings are among them."""
        nodes = self.nodes(ast.Constant)
        return [(text, each) for each in nodes if isinstance(text := each.value, str)]

    @cached_property
    def attributes(self) -> dict[str, list[ast.Attribute]]:
        """The expressions that read, assign or delete an attribute, by its name."""
        return self._attributes.every

    @cached_property
    def attribute_reads(self) -> dict[str, list[ast.Attribute]]:
        """The expressions that read an attribute, by its name."""
        return self._attributes.reads

    @cached_property
    def attribute_stores(self) -> dict[str, list[ast.Attribute]]:
        """The targets that assign an attribute, by its name."""
        return _by_name(self.assigned_attributes)

    @cached_property
    def attribute_changes(self) -> dict[str, list[ast.Attribute]]:
        """The targets that assign or delete an attribute, by its name."""
        return _by_name(self._attributes.changes)

    @cached_property
    def assigned_attributes(self) -> list[ast.Attribute]:
        """The targets that assign an attribute, in the order of the text, scope by scope."""
        return [each for each in self._attributes.changes if isinstance(each.ctx, ast.Store)]

    @cached_property
    def _attributes(self) -> _Attributes:
        found = _Attributes(defaultdict(list), defaultdict(list), [])
        every, reads, changes = found
        for each in self.nodes(ast.Attribute):
            name = each.attr
            every[name].append(each)
            if each.ctx.__class__ is ast.Load:
                reads[name].append(each)
            else:
                changes.append(each)
        return found

    def calls_of(self, names: Iterable[str]) -> list[ast.Call]:
        """Return the calls of what has one of the last names, in the order of the text."""
        found = (call for name in names for call in self.calls.get(name, ()))
        return sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def call_of(self, node: ast.AST) -> ast.Call | None:
        """Return the call of what a node stands for."""
        parent = self.parents.get(node)
        return parent if isinstance(parent, ast.Call) and parent.func is node else None

    def call_with(self, node: ast.AST) -> ast.Call | None:
        """Return the call that passes a node as an argument."""
        parent = self.parents.get(node)
        parent = self.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        return parent if isinstance(parent, ast.Call) and parent.func is not node else None

    def named(self, name: str) -> list[ast.Name | ast.Attribute]:
        """Return the variables and attributes of a name, whatever is done with them."""
        return [*self.names.get(name, ()), *self.attributes.get(name, ())]

    @cached_property
    def returns(self) -> dict[FunctionNode, list[ast.Return]]:
        """The statements that return from each function."""
        found: dict[FunctionNode, list[ast.Return]] = defaultdict(list)
        for each in self.nodes(ast.Return):
            function = self.function_of(each)
            if function is not None:
                found[function].append(each)
        return found

    @cached_property
    def returned(self) -> dict[FunctionNode, list[ast.expr]]:
        """The values that each function returns."""
        return {
            function: [each.value for each in returns if each.value is not None]
            for function, returns in self.returns.items()
        }

    @cached_property
    def generators(self) -> frozenset[ast.AST]:
        """The functions that make generators."""
        yields = (*self.nodes(ast.Yield), *self.nodes(ast.YieldFrom))
        return frozenset(function for each in yields if (function := self.function_of(each)))

    @cached_property
    def leaving(self) -> frozenset[ast.AST]:
        """The statements that may leave their function, since they hold a `return` of it."""
        found: set[ast.AST] = set()
        for each in self.nodes(ast.Return):
            for parent in self.ancestors(each):
                if parent in found or isinstance(parent, FunctionNode):
                    break
                found.add(parent)
        return frozenset(found)

    def in_type_checking(self, node: ast.AST) -> bool:
        """Whether `node` stands under ``if TYPE_CHECKING``."""
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, ast.If) and child in parent.body:
                if last_name(parent.test) == "TYPE_CHECKING":
                    return True
            child = parent
        return False

    @staticmethod
    def _inside(opener: ast.AST, child: ast.AST, below: ast.AST) -> bool:
        """Whether what is reached from `opener` by `child`, then `below`, is in its own scope."""
        if isinstance(opener, _DEFINITIONS):
            return isinstance(child, ast.stmt)
        if isinstance(opener, ast.Lambda):
            return child is opener.body
        if isinstance(opener, Comprehension):
            first = opener.generators[0]
            return child is not first or below is not first.iter
        return True

    def _sees_parameters(self, child: ast.AST, below: ast.AST) -> bool:
        """Whether this part of what has type parameters is evaluated where they are seen."""
        parent = self.parents[child]
        if isinstance(child, ast.arguments):
            return isinstance(below, ast.arg)  # no default
        return child not in getattr(parent, "decorator_list", [getattr(parent, "name", None)])
