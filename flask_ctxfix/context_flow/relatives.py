"""Which classes of a project may stand in for each other, where methods run for either."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Instance, Parent, class_of_receiver
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope

_Reads = dict[ast.ClassDef | None, list[tuple[Module, ast.Attribute]]]
_NONE: frozenset[ast.ClassDef] = frozenset()


class Relatives:
    """Classes are relatives if an instance of some class is one of both."""

    def __init__(self, project: Project, values: Values) -> None:
        self._project = project
        self._values = values
        self._reads: dict[str, _Reads] = {}
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

    def of(self, owner: ast.ClassDef) -> frozenset[ast.ClassDef]:
        """Return the relatives of a class, itself among them."""
        return frozenset({owner, *self._relatives.get(owner, _NONE)})

    def reads_of_members(self, name: str) -> _Reads:
        """Return what reads an attribute, by the class that this is of or that has the instance.

        Under None is what may be of any class, where methods run for relatives.
        """
        if name not in self._reads:
            found: _Reads = defaultdict(list)
            for module in self._project.parsed(self._project.naming(name)):
                for read in module.scopes.attribute_reads.get(name, ()):
                    owner = self._class_of(module, read.value)
                    if owner is not None:
                        found[owner].append((module, read))
                    is_certain = owner is not None and isinstance(read.value, ast.Name)
                    if not is_certain and self.may_replace(module, read.value):
                        found[None].append((module, read))
            self._reads[name] = found
        return self._reads[name]

    def _class_of(self, module: Module, node: ast.expr) -> ast.ClassDef | None:
        value = self._values.of(module, node)
        if isinstance(value, Instance | Parent):
            value = value.of
        return value.node if isinstance(value, Class) else None

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
            if (home, name.id) in seen or not isinstance(home.node, FunctionNode):
                continue
            owner = class_of_receiver(module, name)
            if owner is not None:
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
