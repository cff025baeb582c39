"""Evaluates expressions: names here, what they are made of in the classes below.

Only what is certain has a value. Everything else is None: code that may mean several things, or
that nothing in the project tells.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from flask_ctxfix.context_flow.calls import Calls, seen_by
from flask_ctxfix.context_flow.setters import may_be_set
from flask_ctxfix.context_flow.tables import OPEN
from flask_ctxfix.context_flow.undecided import Evaluated, agreed
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Known,
    Switch,
    has_decorator,
    receiving_class,
)
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Binding, FunctionNode, Scope


class Values(Calls):
    """Evaluates the expressions of a project."""

    def base_names(self, owner: Class) -> list[str]:
        """Return the names of the classes from outside of the project that a class is one of."""
        return [base.name for base in self.bases(owner) if isinstance(base, Foreign)]

    def _of(self, module: Module, node: ast.expr, given: Known = ()) -> Evaluated:
        if not given:
            answer: Evaluated = module.answers.get(node, OPEN)  # most have been asked before
            if answer is not OPEN:
                return answer
        evaluate = _EVALUATED.get(type(node))
        return None if evaluate is None else evaluate(self, module, node, given)

    def _name(self, module: Module, node: ast.Name, given: Known) -> Evaluated:
        scope = module.scopes.home_of(node)
        if given:
            given = _seen_from(module, scope, node.id, given)
            if not given:
                return self._of(module, node)
        is_local = scope.parent is not None and not scope.is_class
        place = (scope, node.id) if is_local else self.project.local_name(module, node)
        key = ("name", place, given)
        answer: Evaluated = module.answers.get(key, OPEN)
        if answer is OPEN:
            answer = self._simple(module, node, given)
            if answer is OPEN:
                answer = self._ask(module, key, lambda: self._bound_name(module, node, given))
            else:
                module.answers[key] = answer
        if not given and key in module.answers:
            module.answers[node] = answer
        return answer

    def _simple(self, module: Module, node: ast.Name, given: Known) -> Any:
        """Return the value of a name if its one binding tells it; `OPEN` if it takes others."""
        binding = self.project.only_binding(module, node)
        if binding is None:
            return OPEN
        if binding.alias is not None:
            imported = self.project.imported_name(module, binding)
            return OPEN if imported is None else self._foreign(imported)
        if module.scopes.module.binds(node.id) and may_be_set(self.project, node.id):
            return OPEN
        made_by = binding.node
        if isinstance(made_by, ast.FunctionDef | ast.AsyncFunctionDef):
            if made_by.decorator_list:
                return OPEN
            return Function(module, made_by, None, seen_by(module, made_by, given))
        if isinstance(made_by, ast.ClassDef):
            return Class(module, made_by)
        if binding.kind == "parameter":
            is_annotated = getattr(made_by, "annotation", None) is not None
            return OPEN if is_annotated else self._parameter(module, binding, given)
        is_made = binding.value is not None or isinstance(made_by, ast.withitem | ast.NamedExpr)
        return OPEN if is_made else None

    def _constant(self, module: Module, node: ast.Constant, given: Known) -> Evaluated:
        return Switch(node.value) if isinstance(node.value, bool) else None

    def _lambda(self, module: Module, node: ast.Lambda, given: Known) -> Evaluated:
        return Function(module, node, None, seen_by(module, node, given))

    def _made(self, module: Module, node: ast.expr, given: Known) -> Evaluated:
        """Return what an expression gives that is made of others."""
        return self._asked(module, node, given, self._of_parts)

    def _of_parts(
        self,
        module: Module,
        node: ast.Await | ast.BoolOp | ast.IfExp | ast.NamedExpr,
        given: Known,
    ) -> Evaluated:
        if isinstance(node, ast.BoolOp):
            values = [self._of(module, value, given) for value in node.values]
            decisive = Switch(isinstance(node.op, ast.Or))
            return decisive if decisive in values else agreed(values)
        if isinstance(node, ast.IfExp):
            return agreed(self._of(module, value, given) for value in (node.body, node.orelse))
        return self._of(module, node.value, given)

    def _bound_name(self, module: Module, node: ast.Name, given: Known) -> Evaluated:
        bindings = self.project.bindings(module, node)
        if not bindings:
            return self._named_elsewhere(module, node)
        return self._agreed_on(bindings, given)

    def _bound(self, module: Module, binding: Binding, given: Known) -> Evaluated:
        node = binding.node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._definition(module, node, given)
        if isinstance(node, ast.ClassDef):
            return Class(module, node)
        if binding.kind == "import":
            return self._imported(module, binding)
        if binding.kind == "parameter":
            return self._parameter(module, binding, given)
        if binding.value is not None:
            return self._of(module, binding.value, given)
        if isinstance(node, ast.withitem):
            return self._of(module, node.context_expr, given)
        if isinstance(node, ast.NamedExpr):
            return self._of(module, node.value, given)
        return None

    def _imported(self, module: Module, binding: Binding) -> Foreign | None:
        if module.scopes.in_type_checking(binding.node):
            return None
        return self._one_foreign(self.project.binding_origins(module, binding))

    def _parameter(self, module: Module, binding: Binding, given: Known) -> Evaluated:
        argument = binding.node
        function = module.scopes.parents[module.scopes.parents[argument]]
        assert isinstance(function, FunctionNode)
        for each in reversed(given):
            if each.function is function and each.name == binding.name:
                return each.value
        owner = receiving_class(module, argument)
        if owner is not None:
            own = Class(module, owner)
            return own if has_decorator(function, "classmethod") else Instance(own)
        annotation = getattr(argument, "annotation", None)
        if annotation is not None and binding.name == getattr(argument, "arg", ""):
            return self._result(self._class_named(module, annotation))
        return None

    def _class_named(self, module: Module, annotation: ast.expr) -> Evaluated:
        """Return the class of the project, or of applications, that an annotation says."""
        value = self._of(module, annotation)
        is_application = isinstance(value, Foreign) and value.name == "flask.Flask"
        return value if isinstance(value, Class) or is_application else None


def _seen_from(module: Module, scope: Scope, name: str, given: Known) -> Known:
    """Return those of `given` that the value of a name of a scope can depend on.

    They are of the functions around the scope, and around what binds the name for it elsewhere.
    """
    functions: set[ast.AST | None] = {each.node for each in scope.and_outer()}
    for binding in scope.bindings.get(name, ()):
        function = module.scopes.function_of(binding.node)
        while function is not None and function not in functions:
            functions.add(function)
            function = module.scopes.function_of(function)
    return tuple(each for each in given if each.function in functions)


_EVALUATED: dict[type[ast.expr], Callable[[Values, Module, Any, Known], Evaluated]] = {
    ast.Name: Values._name,
    ast.Attribute: Values._attribute,
    ast.Call: Values._called,
    ast.Constant: Values._constant,
    ast.Lambda: Values._lambda,
    ast.Await: Values._made,
    ast.NamedExpr: Values._made,
    ast.BoolOp: Values._made,
    ast.IfExp: Values._made,
}
