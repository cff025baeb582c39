"""Where a value is read that was given a name, an attribute or a parameter, in all of a project."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.aliases import known_as
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, Property, Value
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import parameters_in

Read = tuple[Module, ast.expr]


class Uses:
    """Answers who reads what was kept somewhere; one too many rather than one too few."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._values = ContextFlow.of(project).values

    def is_local(self, module: Module, target: ast.Name) -> bool:
        """Whether a name lives in a function, and goes with its call."""
        return isinstance(module.scopes.home_of(target).node, FunctionNode)

    def of_name(self, module: Module, target: ast.Name) -> Iterator[Read]:
        """Yield the reads of a variable, and of what a module or a class binds by that name."""
        scope = module.scopes.home_of(target)
        if scope.parent is not None:
            yield from ((module, read) for read in scope.reads.get(target.id, ()))
        if isinstance(scope.node, ast.ClassDef):
            yield from self.of_attribute_named(target.id, Class(module, scope.node))
        elif scope.parent is None:
            yield from self._imported(module.path, target.id)

    def of_attribute(self, module: Module, target: ast.Attribute) -> Iterator[Read]:
        """Yield the reads of the attribute, or of the module's global, that `target` sets."""
        for origin in self._project.origins(module, target.value):
            path = self._project.find_module(origin, module.path)
            if path is not None:
                yield from self._imported(path, target.attr)
                return
        yield from self.of_attribute_named(target.attr, self._owner(module, target.value))

    def of_attribute_named(self, name: str, owner: Class | None) -> Iterator[Read]:
        """Yield the reads of an attribute of instances of a class, or of what nobody knows."""
        for module in self._naming(name):
            for node in module.scopes.attribute_reads.get(name, ()):
                if self._may_be(owner, self._owner(module, node.value)):
                    yield module, node

    def fields_of(self, module: Module, call: ast.Call, argument: ast.expr) -> Iterator[str]:
        """Yield the attributes under which a call from outside of the project may keep an argument.

        One given by its keyword has that name; one of a named tuple that of any of its fields.
        """
        for keyword in call.keywords:
            if keyword.value is argument and keyword.arg is not None:
                yield keyword.arg
        for _, binding in self._project.bindings(module, call.func):
            maker = binding.value
            if isinstance(maker, ast.Call) and len(maker.args) > 1:
                if self._values.of(module, maker.func) == Foreign("collections.namedtuple"):
                    for node in ast.walk(maker.args[1]):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str):
                            yield from node.value.replace(",", " ").split()

    def of_parameter(self, module: Module, name: str, function: ast.AST) -> Iterator[Read]:
        """Yield the reads of a parameter of `function`."""
        reads = module.scopes.opened_by(function).reads
        yield from ((module, read) for read in reads.get(name, ()))

    def parameters(self, function: Function) -> list[str]:
        """Return the names of all parameters that a call may give a value."""
        return [each.arg for each in parameters_in(function.node.args)]

    def of_result(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[Read]:
        """Yield the calls of a function, and the reads of a property."""
        wanted = module.key_of(function)
        for other in self._naming(function.name):
            for node in other.scopes.named(function.name):
                value = self._values.of(other, node)
                call = other.scopes.parents[node]
                if isinstance(value, Property) and _is(value.function, wanted):
                    yield other, node
                elif isinstance(call, ast.Call) and call.func is node:
                    is_unknown = value is None and other.path == module.path
                    if is_unknown or _is(value, wanted):
                        yield other, call

    def _imported(self, path: str, name: str) -> Iterator[Read]:
        """Yield the reads of a global of the module at `path`, wherever it is read."""
        local = known_as(self._project, name)
        paths = {path for each in local for path in self._project.naming(each)}
        for other in self._project.parsed(sorted(paths)):
            for node in (node for each in sorted(local) for node in other.scopes.named(each)):
                bound = self._project.bindings(other, node)
                if any(o.path == path and binding.name == name for o, binding in bound):
                    yield other, node

    def _naming(self, name: str) -> Iterator[Module]:
        return self._project.parsed(self._project.naming(name))

    def _owner(self, module: Module, receiver: ast.expr) -> Class | None:
        """Return the class that the owner of an attribute is, or is an instance of."""
        value = self._values.of(module, receiver)
        if isinstance(value, Instance):
            return value.of
        return value if isinstance(value, Class) else None

    def _may_be(self, owner: Class | None, other: Class | None) -> bool:
        """Whether an instance of one class may be one of the other as well."""
        if owner is None or other is None:
            return True
        return owner.key in self._family(other) or other.key in self._family(owner)

    def _family(self, owner: Class) -> set[NodeKey]:
        """Return what tells a class from others, and those that it inherits from."""
        found = {owner.key}
        pending = [owner]
        while pending:
            for base in self._values.bases(pending.pop()):
                if isinstance(base, Class) and base.key not in found:
                    found.add(base.key)
                    pending.append(base)
        return found


def _is(value: Value | None, key: NodeKey) -> bool:
    return isinstance(value, Function) and value.module.key_of(value.node) == key
