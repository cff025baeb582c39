"""The expressions of a project that name a function, a class, a variable or a member of a class."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flask_ctxfix.context_flow.class_families import ClassKey, families, key_of
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.module_names import functions_named
from flask_ctxfix.context_flow.tables import Table
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Parent,
    Property,
    Value,
    is_parameter,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionDefinition, Scope


class _Looked(NamedTuple):
    """A ``getattr`` by a name that is made up as the code runs: how that begins and ends."""

    module: Module
    call: ast.Call
    start: str
    end: str


class _Reads(NamedTuple):
    """What reads an attribute of one name: of a class that is `known`, or of what nobody knows.

    The class that has what is read stands first, then the one of what it is read of, where that
    may also be an instance of another. What is known to hold something from elsewhere is `foreign`:
    a container, for example, but no method of the project.
    """

    known: list[tuple[ClassKey | None, ClassKey | None, Module, ast.expr]]
    foreign: list[tuple[ClassKey, Module, ast.expr]]
    unknown: list[tuple[Module, ast.expr]]


class References:
    """Finds what names something."""

    def __init__(self, project: Project, values: Values, table: Table) -> None:
        self._project = project
        self._values = values
        self._table = table

    def of(self, module: Module, function: FunctionDefinition) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what names a function."""
        owner = module.scopes.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            yield from self.of_method(module, owner, function)
            return
        home = module.scopes.scope_of(function)
        for read in home.reads.get(function.name, ()):
            yield module, read
        if home.parent is None:
            yield from self._outer(module, function.name, function)

    def of_class(self, owner: Class) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what names a class."""
        module = owner.module
        home = module.scopes.scope_of(owner.node)
        for read in home.reads.get(owner.node.name, ()):
            yield module, read
        if home.parent is None:
            yield from self._outer(module, owner.node.name, owner.node)

    def of_variable(
        self, module: Module, home: Scope, name: str
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what reads a variable of a scope."""
        for read in home.reads.get(name, ()):
            yield module, read
        if home.parent is None:
            yield from self._outer(module, name, None)

    def _outer(
        self, module: Module, name: str, definition: ast.AST | None
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what reads a name of a module elsewhere, where that is the `definition`."""
        for other in self._project.parsed(self._naming(name)):
            if other is module:
                continue
            for node in _named(other, name):
                for owner, binding in self._project.bindings(other, node):
                    if owner.path == module.path and _is_of(binding, name, definition):
                        yield other, node

    def of_method(
        self, module: Module, owner: ast.ClassDef, function: FunctionDefinition
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what may call a method; calls of something else with that name do no harm."""
        yield from self.of_member(Class(module, owner), function.name, is_method=True)
        yield from self.perhaps_of_member(function.name)

    def certain(
        self, module: Module, function: FunctionDefinition
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what names a function, without what is read of an object that nobody knows."""
        owner = module.scopes.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            yield from self.of_member(Class(module, owner), function.name, is_method=True)
        else:
            yield from self.of(module, function)

    def of_member(
        self, owner: Class, name: str, *, is_method: bool = False
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what reads an attribute of a class, or of what may be an instance of it."""
        for read in owner.module.scopes.opened_by(owner.node).reads.get(name, ()):
            yield owner.module, read
        own = key_of(owner.module, owner.node)
        related = families(self._project, self._values)
        reads = self._reads_of(name)
        for found, receiver, module, node in reads.known:
            if found is not None and is_method:
                if found == own or (receiver and related.are_related(receiver, own)):
                    yield module, node
            elif receiver is not None and related.are_related(receiver, own):
                yield module, node
        for receiver, module, node in () if is_method else reads.foreign:
            if related.are_related(receiver, own):
                yield module, node

    def perhaps_of_member(self, name: str) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what reads an attribute of this name of an object that nobody knows."""
        yield from self._reads_of(name).unknown

    def looked_up(self, owner: Class) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what asks for a member of a class by a name that may be any."""
        related = families(self._project, self._values)
        own = key_of(owner.module, owner.node)
        for key, module, call in self._lookups_of_any():
            if related.are_related(key, own):
                yield module, call

    def _lookups_of_any(self) -> list[tuple[ClassKey, Module, ast.Call]]:
        def compute() -> list[tuple[ClassKey, Module, ast.Call]]:
            found = []
            for module, call, start, end in self._lookups():
                key = self._class_of(module, call.args[0])
                if key is not None and not (start or end):
                    found.append((key, module, call))
            return found

        return self._project.memo("looked up by any name", compute)

    def changes_of_member(self, owner: Class, name: str) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what assigns or deletes an attribute of a class, or of what may be any object."""
        related = families(self._project, self._values)
        own = key_of(owner.module, owner.node)
        for module in self._project.parsed(self._naming(name)):
            for node in module.scopes.attribute_changes.get(name, ()):
                key = self._class_of(module, node.value)
                is_any = key is None and self._values.of(module, node.value) is None
                if is_any or (key is not None and related.are_related(key, own)):
                    yield module, node

    def of_attribute(self, name: str) -> Iterator[tuple[Module, ast.expr]]:
        """Yield what reads an attribute of this name, of whatever object."""
        reads = self._reads_of(name)
        for _, _, module, node in reads.known:
            yield module, node
        for _, module, node in reads.foreign:
            yield module, node
        yield from reads.unknown

    def methods(self, name: str) -> list[Function]:
        """Return the methods of a name, as instances of their classes have them."""

        def compute() -> list[Function]:
            return [
                Function(module, function, Instance(Class(module, owner)))
                for module in self._project.parsed(self._project.naming_outside_tests(name))
                for function in functions_named(module).get(name, ())
                if isinstance(owner := module.scopes.parents.get(function), ast.ClassDef)
            ]

        return self._project.memo(("methods", name), compute)

    def _reads_of(self, name: str) -> _Reads:
        return self._project.memo(("reads of members", name), lambda: self._read(name))

    def _read(self, name: str) -> _Reads:
        found = _Reads([], [], [])
        for module in self._project.parsed(self._project.naming(name)):
            for node in module.scopes.attribute_reads.get(name, ()):
                self._add_read(found, module, node, node.value, self._values.of(module, node))
        for module, call, start, end in self._lookups():
            if name.startswith(start) and name.endswith(end):
                if start or end:
                    self._add_read(found, module, call, call.args[0], None)
        return found

    def _add_read(
        self, found: _Reads, module: Module, node: ast.expr, of: ast.expr, value: Value | None
    ) -> None:
        if isinstance(value, Property):
            value = value.function
        receiver = self._values.of(module, of)
        is_exact = isinstance(receiver, Class) and not is_parameter(module, of)
        key = self._class_of(module, of)
        if isinstance(value, Foreign):
            if key is not None:
                found.foreign.append((key, module, node))
            return
        if isinstance(value, Function):
            owner = value.module.scopes.parents.get(value.node)
            if isinstance(owner, ast.ClassDef):
                defined = key_of(value.module, owner)
                is_fixed = is_exact or isinstance(receiver, Parent)
                found.known.append((defined, None if is_fixed else key, module, node))
        elif key is not None:
            found.known.append((None, key, module, node))
        elif receiver is None and not _is_literal(module, of):
            found.unknown.append((module, node))

    def _class_of(self, module: Module, node: ast.expr) -> ClassKey | None:
        """Return the class that an expression is, or has an instance of."""
        value = self._values.of(module, node)
        owner = value.of if isinstance(value, Instance | Parent) else value
        return key_of(owner.module, owner.node) if isinstance(owner, Class) else None

    def _lookups(self) -> list[_Looked]:
        return self._project.memo("looked up by name", lambda: list(self._every_lookup()))

    def _every_lookup(self) -> Iterator[_Looked]:
        for module in self._project.parsed(self._project.naming_outside_tests("getattr")):
            for call in module.scopes.calls.get("getattr", ()):
                if len(call.args) >= 2 and isinstance(call.func, ast.Name):
                    for name in _written(module, call.args[1]):
                        yield _Looked(module, call, *_affixes(name))

    def _naming(self, name: str) -> Sequence[str]:
        """Return the files that may name something."""
        return self._project.naming(name)


def _written(module: Module, name: ast.expr) -> list[ast.expr]:
    """Return the expressions that a name is given to ``getattr`` as, if each is written down."""
    if not isinstance(name, ast.Name):
        return [name]
    bindings = module.scopes.home_of(name).bindings.get(name.id, ())
    values = [each.value for each in bindings]
    return [v for v in values if v is not None] if values and None not in values else [name]


def _affixes(name: ast.expr) -> tuple[str, str]:
    """Return how the value of an expression begins and ends, as far as that is written."""
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return name.value, name.value
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
        return _affixes(name.left)[0], _affixes(name.right)[1]
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Mod):
        text = name.left.value if isinstance(name.left, ast.Constant) else ""
        return (text.partition("%")[0], "") if isinstance(text, str) else ("", "")
    if isinstance(name, ast.JoinedStr) and name.values:
        return _affixes(name.values[0])[0], _affixes(name.values[-1])[1]
    if isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute):
        if name.func.attr == "format" and isinstance(name.func.value, ast.Constant):
            text = name.func.value.value
            return (text.partition("{")[0], "") if isinstance(text, str) else ("", "")
    return "", ""


def _is_of(binding: Binding, name: str, definition: ast.AST | None) -> bool:
    if definition is None:
        return binding.name == name
    return _same(binding.node, definition)


_LITERALS = (
    *(ast.Constant, ast.Dict, ast.DictComp, ast.JoinedStr, ast.List, ast.ListComp),
    *(ast.Set, ast.SetComp),
)


def _is_literal(module: Module, node: ast.expr) -> bool:
    """Whether an expression is certainly what a literal makes: a text, a number, a container."""
    if isinstance(node, _LITERALS):
        return True
    if not isinstance(node, ast.Name):
        return False
    bindings = module.scopes.home_of(node).bindings.get(node.id, ())
    return bool(bindings) and all(isinstance(each.value, _LITERALS) for each in bindings)


def _named(module: Module, name: str) -> Iterator[ast.expr]:
    """Yield what may read something of this name that another module defines."""
    names = module.memo("imported names", lambda: _imported_names(module)).get(name)
    if names:
        reads = module.memo("names read", lambda: _reads(module))
        for local in sorted(names):
            yield from reads.get(local, ())
    yield from module.scopes.attribute_reads.get(name, ())


def _imported_names(module: Module) -> dict[str, set[str]]:
    """Return the names that ``from`` imports bind, by that of what they import."""
    found: dict[str, set[str]] = {}
    for node in module.scopes.nodes(ast.ImportFrom):
        for alias in node.names:
            found.setdefault(alias.name, set()).add(alias.asname or alias.name)
    return found


def _reads(module: Module) -> dict[str, list[ast.Name]]:
    """Return the expressions that read a name, by that name."""
    found: dict[str, list[ast.Name]] = {}
    for node in module.scopes.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load):
            found.setdefault(node.id, []).append(node)
    return found


def _same(one: ast.AST | None, other: ast.AST) -> bool:
    """Whether two nodes are the same definition, also if its file was parsed twice."""
    if one is other:
        return True
    return type(one) is type(other) and getattr(one, "lineno", 0) == getattr(other, "lineno", 1)
