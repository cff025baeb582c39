"""What handlers and context managers do with the error that a missing context raises."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.caught import catches, catches_every_error, names_of
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.made_contexts import Need, makes_context
from flask_ctxfix.context_flow.values import Foreign, Function, Instance, Known, Value
from flask_ctxfix.flask_facts import (
    HIDING_MANAGERS,
    LOG_METHODS,
    is_report,
    is_well_known,
)
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import own_nodes
from flask_ctxfix.syntax import is_falsy, without_call

_CONTEXT_ERROR = "RuntimeError"


def expects_no_context(module: Module, project: Project, statement: ast.Try) -> bool:
    """Whether a handler is made for the error that a missing context raises.

    A broad handler is, if all that it guards is the reading of one value; around actions it only
    hides that they fail.
    """
    caught = [names_of(module, project, handler.type) for handler in statement.handlers]
    if any(_CONTEXT_ERROR in names for names in caught):
        return True
    reads = ast.Assign | ast.AnnAssign | ast.Return | ast.Import | ast.ImportFrom
    is_small = sum(not isinstance(s, ast.Import | ast.ImportFrom) for s in statement.body) <= 1
    return (
        any(map(catches_every_error, caught))
        and is_small
        and all(isinstance(each, reads) for each in statement.body)
    )


def fallbacks(values: Values, module: Module, statement: ast.Try) -> list[ast.ExceptHandler]:
    """Return the handlers of any error that do something else instead, so that no run need fail."""
    return [
        handler
        for handler in statement.handlers
        if catches(names_of(module, values.project, handler.type), _CONTEXT_ERROR)
        and not all(_reports(values, module, each) for each in handler.body)
    ]


def expects_failure(module: Module, project: Project, statement: ast.Try) -> bool:
    """Whether a handler of some error lets the code go on."""
    return any(
        not catches_every_error(names_of(module, project, handler.type))
        and not isinstance(handler.body[-1], ast.Raise)
        for handler in statement.handlers
    )


def _reports(values: Values, module: Module, statement: ast.stmt) -> bool:
    """Whether a statement of a handler only says that something failed."""
    left = [(module, statement)]
    seen: set[ast.AST] = set()
    while left:
        module, statement = left.pop()
        if isinstance(statement, ast.Raise):
            continue
        call = statement.value if isinstance(statement, ast.Expr) else None
        value = values.of(module, call.func) if isinstance(call, ast.Call) else None
        if isinstance(value, Function):
            said = [] if isinstance(value.node, ast.Lambda) else value.node.body
            said = [each for each in said if not _is_plain(each)]
            if not said:
                return False
            left += [(value.module, each) for each in said if value.node not in seen]
            seen.add(value.node)
        elif not isinstance(call, ast.Call) or not _is_report(call, value):
            return False
    return True


def _is_report(call: ast.Call, value: Value | None) -> bool:
    """Whether a call of something from elsewhere, or unknown, only says something."""
    if isinstance(value, Foreign):
        return is_report(value.name)
    # Who knows which logger it is; these are the methods of all of them.
    return value is None and getattr(call.func, "attr", "") in LOG_METHODS


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but to name a value, or is a docstring."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return bool(targets) and all(isinstance(each, ast.Name) for each in targets)


def hides_errors(values: Values, module: Module, manager: ast.expr, given: Known = ()) -> bool:
    """Whether code goes on behind a ``with`` of a manager of the project whatever its block raises.

    What ``contextlib.suppress`` hides is written in its call.
    """
    value = values.of(module, manager, given)
    if isinstance(value, Instance):
        leave = values.member(value.of, "__exit__", of_instance=True)
        nodes = own_nodes(leave.node) if isinstance(leave, Function) else ()
        answers = (each.value for each in nodes if isinstance(each, ast.Return))
        return any(not is_falsy(each) for each in answers if each)
    maker = values.of(module, without_call(manager), given)
    if isinstance(maker, Function) and maker.is_generator:
        tries = (each for each in own_nodes(maker.node) if isinstance(each, ast.Try))
        return any(fallbacks(values, maker.module, each) for each in tries)
    return False


def may_go_on(values: Values, module: Module, manager: ast.expr) -> bool:
    """Whether code may go on behind a ``with`` of a manager if its block raises."""
    return hides_errors(values, module, manager) or _may_hide_errors(values, module, manager)


def _may_hide_errors(values: Values, module: Module, manager: ast.expr) -> bool:
    """Whether code may go on behind a ``with`` of a manager from elsewhere if its block raises.

    Of those of Python, and of what is built on Flask, a few do; of any other nobody knows.
    """
    if makes_context(manager) is not Need.NONE:
        return False
    value = values.of(module, manager)
    if isinstance(value, Foreign):
        return value.name in HIDING_MANAGERS or not is_well_known(value.name)
    called = values.of(module, without_call(manager))
    return value is None and not isinstance(called, Function)


def is_suppressing(value: Value | None) -> bool:
    """Whether a context manager is ``contextlib.suppress``."""
    return value == Foreign("contextlib.suppress()")


def suppresses_error(module: Module, project: Project, node: ast.expr, value: Value | None) -> bool:
    """Whether `node` is a ``contextlib.suppress`` for the error that a missing context raises."""
    if not isinstance(node, ast.Call) or not is_suppressing(value):
        return False
    return any(catches(names_of(module, project, each), _CONTEXT_ERROR) for each in node.args)
