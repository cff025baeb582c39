"""What calls give, and what decorators make of functions."""

from __future__ import annotations

import ast

from flask_ctxfix import flask_facts
from flask_ctxfix.context_flow.members import Members
from flask_ctxfix.context_flow.tables import OPEN
from flask_ctxfix.context_flow.undecided import UNDECIDED, Evaluated, Undecided, agreed, decided
from flask_ctxfix.context_flow.values import (
    Class,
    Copied,
    Foreign,
    Function,
    Given,
    Instance,
    Known,
    Parent,
    Partial,
    Property,
    Proxy,
    Value,
    bound_arguments,
    depth_of,
    parameters_of,
)
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import without_call

# How many values may hold each other: a partial of a partial of a copy of a closure of a partial.
# Code that calls itself with a new one each time would have no end of them.
_DEEPEST = 8
_COPY = "flask.copy_current_request_context"
_PARTIAL = "functools.partial"
_HOLDERS = frozenset({_COPY, _PARTIAL, "werkzeug.local.LocalProxy"})
_REAL_OBJECTS = {"flask.current_app": "flask.Flask()", "flask.request": "flask.Request()"}


class Calls(Members):
    """Evaluates calls."""

    def definition(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known = ()
    ) -> Value | None:
        """Return what the name of a function stands for, once its decorators have run."""
        return decided(self._definition(module, node, given))

    def below(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr
    ) -> Value | None:
        """Return what a decorator of a function is given, once those below it have run."""
        value: Evaluated = Function(module, node)
        for each in reversed(node.decorator_list):
            if each is decorator or value is None:
                break
            value = self._decorate(module, each, value, ())
        return decided(value)

    def result(self, function: Value | None, arguments: Known | None = None) -> Value | None:
        """Return what calling `function` gives where `arguments` are known."""
        return decided(self._result(function, arguments))

    def arguments(self, module: Module, call: ast.Call, function: Function, given: Known) -> Known:
        """Return the values that a call binds to parameters of `function`, where they are known."""
        found = []
        for name, argument in bound_arguments(call, function):
            value = self.of(module, argument, given)
            if value is not None and self._is_shallow(value):
                found.append(Given(function.node, name, value))
        return tuple(found)

    def _called(self, module: Module, node: ast.Call, given: Known) -> Evaluated:
        """Return the value of a call: of an unknown function, or one from elsewhere, at once."""
        function = OPEN if given else module.answers.get(node.func, OPEN)
        if function is OPEN:
            return self._asked(module, node, given, self._call)
        if function is None:
            is_plain = not isinstance(node.func, ast.Name) or node.func.id != "super"
        else:
            is_plain = isinstance(function, Foreign) and not _is_special(function.name)
        if not is_plain:
            return self._asked(module, node, given, self._call)
        value = None if function is None else Foreign(f"{function.name}()")
        module.answers[node] = value
        return value

    def _call(self, module: Module, node: ast.Call, given: Known) -> Evaluated:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self._parent(module, node)
        function = self._of(module, node.func, given)
        if isinstance(function, Foreign):
            return self._foreign_call(module, node, function.name, given)
        if isinstance(function, Function):
            return self._result(function, self.arguments(module, node, function, given))
        return self._result(function)

    def _parent(self, module: Module, node: ast.Call) -> Parent | None:
        around = module.scopes.ancestors(node)
        owner = next((each for each in around if isinstance(each, ast.ClassDef)), None)
        return Parent(Class(module, owner)) if owner is not None else None

    def _foreign_call(self, module: Module, node: ast.Call, name: str, given: Known) -> Evaluated:
        if not _is_special(name):
            return Foreign(f"{name}()")
        if name in _HOLDERS:
            first = self._of(module, node.args[0], given) if node.args else None
            if isinstance(first, Undecided):
                return first
            if name == _PARTIAL:
                return Partial(first, node)
            if name == _COPY:
                return Copied(first, node)
            return Proxy(first) if first is not None else None
        if name == "typing.cast":
            return self._of(module, node.args[1], given) if len(node.args) == 2 else None
        owner = name.rpartition(".")[0]
        return Foreign(_REAL_OBJECTS.get(owner, f"{name}()"))

    def _is_shallow(self, value: Value) -> bool:
        is_shallow = depth_of(value) <= _DEEPEST
        if not is_shallow:
            self.project.bounds["arguments with values nested more than 8 deep"] += 1
        return is_shallow

    def _result(self, function: Evaluated, arguments: Known | None = None) -> Evaluated:
        if isinstance(function, Class):
            return Instance(function)
        if isinstance(function, Foreign):
            return Foreign(f"{function.name}()")
        if not isinstance(function, Function):
            return function if function is UNDECIDED else None
        given = (*function.given, *(arguments or ()))
        module, node = function.module, function.node
        if isinstance(node, ast.Lambda):
            return self._of(module, node.body, given)
        if isinstance(node, ast.AsyncFunctionDef):
            return None
        key = ("result", node, given)
        return self._ask(module, key, lambda: self._returned(module, node, given))

    def _returned(self, module: Module, node: ast.FunctionDef, given: Known) -> Evaluated:
        if node in module.scopes.generators:
            return None
        return agreed(
            self._of(module, each, given) for each in module.scopes.returned.get(node, ())
        )

    def _definition(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known
    ) -> Evaluated:
        seen = seen_by(module, node, given)
        if not node.decorator_list:
            return Function(module, node, None, seen)
        key = ("decorated", node, seen)
        return self._ask(module, key, lambda: self._decorated(module, node, seen))

    def _decorated(
        self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, given: Known
    ) -> Evaluated:
        value: Evaluated = Function(module, node, None, given)
        for decorator in reversed(node.decorator_list):
            value = self._decorate(module, decorator, value, given)
            if value is None:
                return None
        return value

    def _decorate(
        self, module: Module, decorator: ast.expr, value: Evaluated, given: Known
    ) -> Evaluated:
        """Return what a decorator makes of `value`; None for one that is not known."""
        called = without_call(decorator)
        maker = self._of(module, called, given)
        if isinstance(maker, Undecided) or isinstance(value, Undecided):
            return UNDECIDED
        if isinstance(maker, Foreign):
            if maker.name == _COPY:
                return Copied(value, decorator)
            if maker.name in flask_facts.PROPERTIES and isinstance(value, Function):
                return Property(value)
            return value if flask_facts.is_transparent(maker.name) else None
        if isinstance(decorator, ast.Call):
            maker = self._of(module, decorator, given)
        if not isinstance(maker, Function) or value is None:
            return None
        parameters = parameters_of(maker)
        if not parameters:
            return None
        return self._result(maker, (Given(maker.node, parameters[0], value),))


def _is_special(name: str) -> bool:
    """Whether a call of something from elsewhere gives more than an object of that name."""
    return name in _HOLDERS or name == "typing.cast" or name.endswith("._get_current_object")


def seen_by(module: Module, node: FunctionNode, given: Known) -> Known:
    """Return those of `given` that a function sees where it is defined: of functions around it."""
    if not given:
        return ()
    around = {each for each in module.scopes.ancestors(node) if isinstance(each, FunctionNode)}
    return tuple(each for each in given if each.function in around)
