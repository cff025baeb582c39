"""Whether what an expression stands for is there for longer than a request."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Class, Foreign, has_decorator, receiving_class
from flask_ctxfix.flask_facts import APPLICATIONS, PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import may_be_shared
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope
from flask_ctxfix.syntax import defaults_of

_APPLICATIONS = frozenset(map(Foreign, APPLICATIONS))
_OUTLIVES = QuestionKind("outlives requests", True, lambda one, other: one and other)


def outlives_requests(module: Module, node: ast.expr, project: Project) -> bool:
    """Whether an expression stands for something that is there for longer than a request."""
    flow = ContextFlow.of(project)
    value = flow.values.of(module, node)
    if value in _APPLICATIONS:
        return True
    if isinstance(value, Foreign) and _is_of_request(value.name):
        return False
    if isinstance(node, ast.Name):
        key = ("outlives requests", node)
        return flow.table.ask(module, _OUTLIVES, key, lambda: _name_outlives(module, node, project))
    if isinstance(node, ast.Attribute):
        return outlives_requests(module, node.value, project)
    if isinstance(node, ast.Subscript):
        is_fixed = isinstance(node.slice, ast.Constant)
        return is_fixed and outlives_requests(module, node.value, project)
    slot = asked_by_call(node) if isinstance(node, ast.Call) else None
    if slot is not None:
        return outlives_requests(module, slot[0], project)
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "type"


def _is_of_request(name: str) -> bool:
    return any(name.startswith(proxy) for proxy in PROXIES if proxy != "flask.current_app")


def _name_outlives(module: Module, node: ast.Name, project: Project) -> bool:
    home = module.scopes.home_of(node)
    bindings = home.bindings.get(node.id, [])
    if home.parent is None or not bindings:
        return bool(bindings)
    if bindings[0].kind == "parameter":
        parameter = bindings[0].node
        return _is_default(module, parameter) or _is_shared_receiver(module, parameter, project)
    if home.node is not module.scopes.function_of(node):
        return variables_outlive(module, home, project)
    return all(
        each.value is not None and outlives_requests(module, each.value, project)
        for each in bindings
    )


def variables_outlive(module: Module, home: Scope, project: Project) -> bool:
    """Whether the variables of a function outlive the requests that functions in it answer."""
    if not isinstance(home.node, FunctionNode):
        return False
    reach = ContextFlow.of(project).every_caller.of_function(module, home.node)
    return reach.where is not Where.REQUEST


def _is_default(module: Module, parameter: ast.AST) -> bool:
    """Whether a parameter is, where nothing else is given, a container made once for all calls."""
    given = module.scopes.parents[parameter]
    if not isinstance(given, ast.arguments):
        return False
    default = next((each for arg, each in defaults_of(given) if arg is parameter), None)
    return isinstance(default, ast.Call | ast.Dict | ast.List | ast.Set)


def _is_shared_receiver(module: Module, parameter: ast.AST, project: Project) -> bool:
    """Whether a parameter is a class, or an instance that no request makes for itself."""
    owner = receiving_class(module, parameter)
    if owner is None:
        return False
    function = module.scopes.function_of(parameter)
    is_of_class = function is not None and has_decorator(function, "classmethod")
    return is_of_class or may_be_shared(Class(module, owner), project)


def asked_by_call(call: ast.Call) -> tuple[ast.expr, object] | None:
    """Return what ``getattr``, ``hasattr`` and ``get`` look at, if they name it."""
    if getattr(call.func, "id", "") in ("getattr", "hasattr") and len(call.args) > 1:
        owner, key = call.args[:2]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "get" and call.args:
        owner, key = call.func.value, call.args[0]
    else:
        return None
    return (owner, key.value) if isinstance(key, ast.Constant) else None
