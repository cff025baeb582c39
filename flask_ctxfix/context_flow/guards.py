"""What provides a context, or makes code run only where there is one."""

from __future__ import annotations

import ast
import re
from enum import IntEnum

from flask_ctxfix.context_flow.values import (
    Foreign,
    Function,
    Instance,
    Known,
    Value,
    Values,
    own_nodes,
)
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.project import Module
from flask_ctxfix.syntax import last_name, without_call


class Need(IntEnum):
    """A context, as something that code needs or that something provides."""

    NONE = 0
    APP = 1
    REQUEST = 2


NEED_OF = {"app": Need.APP, "request": Need.REQUEST}

_MAKERS = {
    "app_context": Need.APP,
    "request_context": Need.REQUEST,
    "test_client": Need.REQUEST,  # it keeps the contexts of what it asked for
    "test_request_context": Need.REQUEST,
}
_PROBES = {"flask.has_request_context", "flask.has_app_context"}
_CONTEXT_ERRORS = {"RuntimeError"}
_BROAD_ERRORS = {"BaseException", "Exception"}
_REPORTS = re.compile(
    r"print\w*|log|debug|info|warn\w*|error|exception|critical|capture_\w+", re.IGNORECASE
)
_MAY_BE_CONTEXT = re.compile(r"ctx|context", re.IGNORECASE)


def makes_context(node: ast.expr) -> Need:
    """Return which context the call `node` makes, such as ``app.app_context()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _MAKERS.get(node.func.attr, Need.NONE)
    return Need.NONE


def may_be_context(node: ast.expr, value: Value | None) -> bool:
    """Whether something unknown is called as if it were, or made, a context."""
    if value is not None and not (isinstance(value, Foreign) and value.name.endswith("()")):
        return False
    named = without_call(node)
    name = last_name(named)
    return _MAY_BE_CONTEXT.search(name) is not None and name != "copy_context"


def is_proxy(value: Value | None) -> bool:
    """Whether a value is one of the proxies of Flask or of its extensions."""
    return isinstance(value, Foreign) and value.name in PROXIES


def proves_context(
    values: Values, module: Module, test: ast.expr, given: Known
) -> tuple[bool, bool]:
    """Return whether the truth, and whether the falsehood, of `test` tells that there is a context.

    Code that is reached only then is made for both cases.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        if_true, if_false = proves_context(values, module, test.operand, given)
        return if_false, if_true
    if isinstance(test, ast.BoolOp):
        parts = [proves_context(values, module, value, given) for value in test.values]
        if isinstance(test.op, ast.And):
            return any(part[0] for part in parts), all(part[1] for part in parts)
        return all(part[0] for part in parts), any(part[1] for part in parts)
    if isinstance(test, ast.Call):
        return _called(values, module, test, given)
    if isinstance(test, ast.NamedExpr):
        return proves_context(values, module, test.value, given)
    if isinstance(test, ast.Name | ast.Attribute) and is_proxy(values.of(module, test, given)):
        return True, False
    is_asked = any(_asks_for_context(values, module, each) for each in ast.walk(test))
    return is_asked, is_asked


def _asks_for_context(values: Values, module: Module, node: ast.AST) -> bool:
    """Whether an expression is an answer to whether there is a context, kept or compared."""
    if isinstance(node, ast.Call):
        function = values.of(module, node.func)
        return isinstance(function, Foreign) and function.name in _PROBES
    if not isinstance(node, ast.Name):
        return False
    bindings = module.scopes.home_of(node).bindings.get(node.id, [])
    kept = [each.value for each in bindings if isinstance(each.value, ast.Call)]
    return any(_asks_for_context(values, module, each) for each in kept)


def _called(values: Values, module: Module, test: ast.Call, given: Known) -> tuple[bool, bool]:
    function = values.of(module, test.func, given)
    if isinstance(function, Foreign):
        if function.name == "builtins.bool" and test.args:
            return proves_context(values, module, test.args[0], given)
        return function.name in _PROBES, False
    if isinstance(function, Function):
        body = getattr(function.node, "body", None)
        returned = body[-1] if isinstance(body, list) else None
        value = returned.value if isinstance(returned, ast.Return) else None
        if value is not None and isinstance(value, ast.Call | ast.BoolOp | ast.UnaryOp):
            if not (isinstance(value, ast.Call) and value.func is test.func):
                return proves_context(values, function.module, value, function.given)
    return False, False


def expects_no_context(statement: ast.Try) -> bool:
    """Whether a handler is made for the error that a missing context raises.

    A broad handler is, if all that it guards is the reading of one value; around actions it only
    hides that they fail.
    """
    names = {name for handler in statement.handlers for name in _caught(handler)}
    if names & _CONTEXT_ERRORS:
        return True
    reads = ast.Assign | ast.AnnAssign | ast.Return | ast.Import | ast.ImportFrom
    is_small = sum(not isinstance(s, ast.Import | ast.ImportFrom) for s in statement.body) <= 1
    return (
        bool(names & _BROAD_ERRORS)
        and is_small
        and all(isinstance(each, reads) for each in statement.body)
    )


def fallbacks(statement: ast.Try) -> list[ast.ExceptHandler]:
    """Return the handlers of any error that do something else instead, so that no run need fail."""
    broad = _CONTEXT_ERRORS | _BROAD_ERRORS
    return [
        handler
        for handler in statement.handlers
        if broad.intersection(_caught(handler)) and not all(map(_reports, handler.body))
    ]


def expects_failure(statement: ast.Try) -> bool:
    """Whether a handler of some error lets the code go on."""
    return any(
        not _BROAD_ERRORS.intersection(_caught(handler))
        and not isinstance(handler.body[-1], ast.Raise)
        for handler in statement.handlers
    )


def _reports(statement: ast.stmt) -> bool:
    """Whether a statement of a handler only says that something failed."""
    if isinstance(statement, ast.Raise):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and _REPORTS.fullmatch(_name(call.func)) is not None


def hides_errors(values: Values, module: Module, manager: ast.expr, given: Known = ()) -> bool:
    """Whether code goes on behind a ``with`` of a manager of the project whatever its block raises.

    What ``contextlib.suppress`` hides is written in its call.
    """
    value = values.of(module, manager, given)
    if isinstance(value, Instance):
        leave = values.member(value.of, "__exit__", of_instance=True)
        nodes = own_nodes(leave.node) if isinstance(leave, Function) else ()
        answers = (each.value for each in nodes if isinstance(each, ast.Return))
        return any(ast.unparse(each) not in ("None", "False") for each in answers if each)
    maker = values.of(module, without_call(manager), given)
    if isinstance(maker, Function) and maker.is_generator:
        tries = (each for each in own_nodes(maker.node) if isinstance(each, ast.Try))
        return any(map(fallbacks, tries))
    return False


def is_suppressing(value: Value | None) -> bool:
    """Whether a context manager is ``contextlib.suppress``."""
    return value == Foreign("contextlib.suppress()")


def suppresses_error(node: ast.expr, value: Value | None) -> bool:
    """Whether `node` is a ``contextlib.suppress`` for the error that a missing context raises."""
    if not isinstance(node, ast.Call) or not is_suppressing(value):
        return False
    return any(_name(each) in _CONTEXT_ERRORS | _BROAD_ERRORS for each in node.args)


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return ["BaseException"]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [_name(kind) for kind in kinds]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
