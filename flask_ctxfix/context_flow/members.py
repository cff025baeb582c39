"""What the attributes of classes, of instances and of modules stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow.setters import setters_of
from flask_ctxfix.context_flow.undecided import (
    UNDECIDED,
    Evaluated,
    ValueQuestions,
    agreed,
    decided,
    is_none,
)
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Given,
    Instance,
    Known,
    Parent,
    Property,
    Value,
    class_of_receiver,
    has_decorator,
    parameters_of,
)
from flask_ctxfix.flask_facts import PLAIN_BASES
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Scope
from flask_ctxfix.syntax import is_constant_none


class Members(ValueQuestions):
    """Evaluates attributes."""

    def member(self, owner: Class, name: str, *, of_instance: bool) -> Value | None:
        """Return what an attribute of a class of the project, or of its instances, stands for."""
        return decided(self._member(owner, name, of_instance=of_instance))

    def bases(self, owner: Class) -> Iterator[Class | Foreign]:
        """Yield the classes that a class inherits from, nearest first, as far as they are known."""
        seen = {owner.node}
        pending: list[Class] = [owner]
        while pending:
            current = pending.pop(0)
            for base in current.node.bases:
                value = self._of(current.module, base)
                if isinstance(value, Class) and value.node not in seen:
                    seen.add(value.node)
                    pending.append(value)
                    yield value
                elif isinstance(value, Foreign):
                    yield value

    def assigned(self, owner: Class) -> dict[str, list[ast.expr]]:
        """Return what the methods of a class assign to attributes of ``self``."""
        module = owner.module
        every = module.memo("assigned", lambda: _assigned_in(module))
        return every.get(owner.node, {})

    def kept_by_class(self, owner: Class) -> dict[str, list[ast.expr]]:
        """Return what methods of a class assign to attributes of the class itself, as ``cls``."""
        module = owner.module
        every = module.memo("kept by classes", lambda: _assigned_in(module, of_classes=True))
        return every.get(owner.node, {})

    def _attribute(self, module: Module, node: ast.Attribute, given: Known) -> Evaluated:
        """Return the value of an attribute: what its owner is tells it, unless that is a module."""
        owner = self._of(module, node.value, given)
        if owner is UNDECIDED:
            return owner
        if isinstance(owner, Instance):
            return self._of_member(module, node, given, owner.of, of_instance=True)
        if isinstance(owner, Class):
            return self._of_member(module, node, given, owner, of_instance=False)
        if isinstance(owner, Foreign):
            if self.project.find_module(owner.name, module.path) is None:
                value = self._foreign(f"{owner.name}.{node.attr}")
                return self._memoized(module, node, given, node.value, value)
        elif owner is None:
            if not self.project.may_be_module(module, node.value):
                return self._memoized(module, node, given, node.value, None)
        elif not isinstance(owner, Parent):
            return None
        return self._asked(module, node, given, self._looked_at)

    def _of_member(
        self, module: Module, node: ast.Attribute, given: Known, owner: Class, *, of_instance: bool
    ) -> Evaluated:
        value = self._member(owner, node.attr, of_instance=of_instance)
        if not given:
            member = ("member", owner.node, node.attr, of_instance)
            if node.value in module.answers and member in owner.module.answers:
                module.answers[node] = value
        return value

    def _memoized(
        self, module: Module, node: ast.expr, given: Known, part: ast.expr, value: Evaluated
    ) -> Evaluated:
        """Return the value of `node`, which a part of it tells; keep it if that one is final."""
        if not given and part in module.answers:
            module.answers[node] = value
        return value

    def _looked_at(self, module: Module, node: ast.Attribute, given: Known) -> Evaluated:
        """Return the value of an attribute of a module, or of the parent of a class."""
        owner = self._of(module, node.value, given)
        if owner is UNDECIDED:
            return owner
        if owner is None:
            return self._of_module(module, node, given)
        if isinstance(owner, Foreign):
            found = self._of_module(module, node, given)
            return self._named_elsewhere(module, node) if found is None else found
        assert isinstance(owner, Parent)
        return self._inherited(owner.of, node.attr, Instance(owner.of))

    def _of_module(self, module: Module, node: ast.Attribute, given: Known) -> Evaluated:
        """Return the value of an attribute of a module of the project."""
        if not isinstance(node.value, ast.Name | ast.Attribute):
            return None
        bindings = self.project.bindings(module, node)
        return self._agreed_on(bindings, given)

    def _member(self, owner: Class, name: str, *, of_instance: bool) -> Evaluated:
        key = ("member", owner.node, name, of_instance)
        return self._ask(owner.module, key, lambda: self._looked_up(owner, name, of_instance))

    def _looked_up(self, owner: Class, name: str, of_instance: bool) -> Evaluated:
        receiver = Instance(owner) if of_instance else owner
        values = [_seen_as(each, receiver) for each in self._set_on(owner, name)]
        if not values or self._defines(owner, name):
            values.append(self._defined(owner, name, receiver))
        return agreed(values)

    def _set_on(self, owner: Class, name: str) -> Iterator[Evaluated]:
        """Yield what code elsewhere sets an attribute of a class to, or of one that it inherits."""
        family = [owner.node]
        setters = [*setters_of(self.project, name)]
        if setters:
            family += [base.node for base in self.bases(owner) if isinstance(base, Class)]
        for setter in setters:
            target = self._of(setter.module, setter.target)
            if isinstance(target, Class) and target.node in family:
                yield self._set_to(setter)

    def _defines(self, owner: Class, name: str) -> bool:
        """Whether a class, its methods or its bases give an attribute more than a None at first."""
        classes = (owner, *self.bases(owner))
        return any(
            isinstance(each, Foreign)
            or name in self.assigned(each)
            or not all(map(is_none, _body_of(each).bindings.get(name, ())))
            for each in classes
        )

    def _defined(self, owner: Class, name: str, receiver: Instance | Class) -> Evaluated:
        """Return what a class, its methods or its bases give an attribute."""
        own = self._own_member(owner, name, receiver)
        if own is not None:
            return own
        if isinstance(receiver, Instance) and name in self.assigned(owner):
            values = self.assigned(owner)[name]
            return agreed(self._of(owner.module, value) for value in values)
        if isinstance(receiver, Class) and name in self.kept_by_class(owner):
            kept = agreed(self._of(owner.module, e) for e in self.kept_by_class(owner)[name])
            return kept if isinstance(kept, Instance) else None
        return self._inherited(owner, name, receiver)

    def _inherited(self, owner: Class, name: str, receiver: Instance | Class) -> Evaluated:
        for base in self.bases(owner):
            if isinstance(base, Foreign):
                of_instance = isinstance(receiver, Instance)
                found = f"{base.name}().{name}" if of_instance else f"{base.name}.{name}"
                if base.name not in PLAIN_BASES:
                    return Foreign(found)
                continue
            own = self._own_member(base, name, receiver)
            if own is not None:
                return own
            values = self.assigned(base).get(name)
            if values is not None and isinstance(receiver, Instance):
                return agreed(self._of(base.module, value) for value in values)
        return None

    def _own_member(self, owner: Class, name: str, receiver: Instance | Class) -> Evaluated:
        """Return what the body of a class binds `name` to, as `receiver` sees it."""
        bindings = _body_of(owner).bindings.get(name, [])
        value = agreed(self._bound(owner.module, binding, ()) for binding in bindings)
        return _seen_as(value, receiver)


def _assigned_in(
    module: Module, *, of_classes: bool = False
) -> dict[ast.AST, dict[str, list[ast.expr]]]:
    """Return, for each class, what its methods assign to attributes of their first parameter.

    With `of_classes`, only what its class methods do.
    """
    found: dict[ast.AST, dict[str, list[ast.expr]]] = {}
    nodes: list[ast.Assign | ast.AnnAssign] = [
        *module.scopes.nodes(ast.Assign),
        *module.scopes.nodes(ast.AnnAssign),
    ]
    for node in nodes:
        value = node.value
        if value is None or is_constant_none(value):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
            if not isinstance(target, ast.Attribute):
                continue
            owner = class_of_receiver(module, target.value)
            function = module.scopes.function_of(target)
            if of_classes and not (function and has_decorator(function, "classmethod")):
                continue
            if owner is not None:
                found.setdefault(owner, {}).setdefault(target.attr, []).append(value)
    return found


def _body_of(owner: Class) -> Scope:
    return owner.module.scopes.opened_by(owner.node)


def _seen_as(value: Evaluated, receiver: Instance | Class) -> Evaluated:
    """Return what an attribute of a class is where it is read of `receiver`."""
    if isinstance(value, Function) and value.receiver is None:
        return _received(value, receiver)
    if isinstance(value, Property):
        return Property(_received(value.function, receiver))
    return value


def _received(function: Function, receiver: Instance | Class) -> Function:
    """Return a method as `receiver` sees it."""
    if has_decorator(function.node, "staticmethod"):
        return function
    if has_decorator(function.node, "classmethod") and isinstance(receiver, Instance):
        receiver = receiver.of
    elif isinstance(receiver, Class) and not has_decorator(function.node, "classmethod"):
        return function
    names = parameters_of(function)
    given = (Given(function.node, names[0], receiver),) if names else ()
    return function._replace(receiver=receiver, given=(*function.given, *given))
