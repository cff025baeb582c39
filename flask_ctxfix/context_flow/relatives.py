"""Which classes of a project may stand in for each other, where methods run for either."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.context_flow.values import Class, Values
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode, Scope

_NONE: frozenset[ast.ClassDef] = frozenset()


class Relatives:
    """Classes are relatives if an instance of some class is one of both."""

    def __init__(self, project: Project, values: Values) -> None:
        self._values = values
        self._classes: dict[ast.ClassDef, Class] = {}
        self._families: dict[ast.ClassDef, frozenset[ast.ClassDef]] = {}
        self._relatives: dict[ast.ClassDef, set[ast.ClassDef]] = defaultdict(set)
        self._replaced: dict[ast.ClassDef, frozenset[str]] = {}
        for module in project.parsed(sorted(project.paths)):
            for node in module.scopes.nodes(ast.ClassDef):
                if node.bases:
                    self._add(Class(module, node))

    def _add(self, owner: Class) -> None:
        bases = [each for each in self._values.bases(owner) if isinstance(each, Class)]
        if bases:
            family = self._families[owner.node] = frozenset(each.node for each in (owner, *bases))
            for each in (owner, *bases):
                self._classes[each.node] = each
                self._relatives[each.node] |= family

    def are(self, one: ast.ClassDef, other: ast.ClassDef) -> bool:
        """Whether two classes are relatives; each is its own."""
        return one is other or other in self._relatives.get(one, _NONE)

    def may_replace(self, module: Module, node: ast.expr) -> bool:
        """Whether `node` may be something else where its method runs for a relative."""
        return any(self._may_be_another(module, each) for each in _names(node))

    def _may_be_another(self, module: Module, node: ast.Name) -> bool:
        """Whether a variable of a method may hold something else where that runs for a relative."""
        seen: set[tuple[Scope, str]] = set()
        left = [node]
        while left:
            name = left.pop()
            home = module.scopes.home_of(name)
            function = home.node
            if (home, name.id) in seen or not isinstance(function, FunctionNode):
                continue
            owner = module.scopes.parents.get(function)
            if isinstance(owner, ast.ClassDef) and _first(function) == name.id:
                if self._has_another(module, owner, name):
                    return True
                continue
            seen.add((home, name.id))
            for binding in home.bindings.get(name.id, ()):
                left += _names(binding.value) if binding.value is not None else ()
        return False

    def _has_another(self, module: Module, owner: ast.ClassDef, receiver: ast.Name) -> bool:
        """Whether a relative has something else for what is read of the receiver of a method."""
        replaced = self._replaced_of(owner)
        parent = module.scopes.parents[receiver]
        return parent.attr in replaced if isinstance(parent, ast.Attribute) else bool(replaced)

    def _replaced_of(self, owner: ast.ClassDef) -> frozenset[str]:
        """Return the attributes that relatives define which a class does not inherit from."""
        if owner not in self._replaced:
            family = self._families.get(owner, _NONE) | {owner}
            others = self._relatives.get(owner, _NONE) - family
            found = (name for each in others for name in self._defined(self._classes[each]))
            self._replaced[owner] = frozenset(found)
        return self._replaced[owner]

    def _defined(self, owner: Class) -> Iterator[str]:
        yield from owner.module.scopes.opened_by(owner.node).bindings
        yield from self._values.assigned(owner)


def _names(node: ast.expr) -> list[ast.Name]:
    """Return the names that an expression is made of."""
    while isinstance(node, ast.Attribute):
        node = node.value
    if isinstance(node, ast.Name):
        return [node]
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)]


def _first(function: FunctionNode) -> str:
    """Return the name of the first parameter; empty if there is none."""
    arguments = (*function.args.posonlyargs, *function.args.args)
    return arguments[0].arg if arguments else ""
