"""The fix that starts a function around a target, which opens an app context for it."""

from __future__ import annotations

import ast
import re

from flask_ctxfix.codemod import Edit, Fix, InsertStatement, ReplaceExpression
from flask_ctxfix.codemods.threads.applications import (
    app_around,
    application_at,
    doubt_of,
    first_insertion_point,
    opening,
    starts_beside,
)
from flask_ctxfix.context_flow import Summary, Where
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.insertion_points import is_first_on_line, is_set_off
from flask_ctxfix.module import Module
from flask_ctxfix.moved_code import has_lines_of_its_own, moved
from flask_ctxfix.obligations.same_value import is_same_later
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import is_free, is_free_in
from flask_ctxfix.syntax import defaults_of, last_name

_WRAPPER = """\
def {name}({parameters}):
    with {app}.app_context():
        return {result}
"""
_INDENTATION = " " * 8  # of the last line
_COLON = re.compile(r":[\s(]*\Z")


def wrapper_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that starts a function around the target which opens the context."""
    module, statement, called = start.module, start.statement, start.callable
    if statement is None or start.starter.kind == "process" or start.target is start.call:
        return None
    if any(use.attribute == "app_context" for use in summary.uses):
        return None
    if not isinstance(called, ast.expr) or called not in ast.walk(statement):
        return None
    if not _can_be_called_later(start, project, called, statement):
        return None
    wrapper = _wrapper_name(start, project, called)
    if not is_free(module, statement, wrapper):
        return None
    scope = module.scopes.scope_of(statement)
    if scope.is_class:
        return None  # the wrapper would not see the application
    app = app_around(start, project)
    is_seen = app is not None and app.is_seen_in(scope)
    taken = None if is_seen else application_at(start, project, start.call, where)
    if not is_seen and (taken is None or not is_free_in(module, scope, "app")):
        return None
    first = first_insertion_point(start, project, statement) if where.is_inside else statement
    is_alone = len(_wrapped_around(start, project)) == 1 and not _has_defaults(called)
    point = first if is_alone else statement
    if not is_first_on_line(module, first) or not is_first_on_line(module, point):
        return None
    parameters, result = _parameters_and_result(module, called)
    name = app.name if app is not None and is_seen else "app"
    code = _WRAPPER.format(name=wrapper, app=name, parameters=parameters, result=result)
    if (taken is None or point is not first) and not is_set_off(module, point):
        code = f"\n{code}"
    edits: tuple[Edit, ...] = (
        InsertStatement(module.span(point), code, "before"),
        ReplaceExpression(module.span(called), wrapper),
    )
    if taken is None:
        return opening(start, doubt_of(start, summary), edits, app=name, has_wrapper=True)
    real, needs = taken
    takes = InsertStatement(module.span(first), f"app = {real}", "before")
    doubt = doubt_of(start, summary, where)
    return opening(start, doubt, (takes, *edits), needs, has_wrapper=True)


def _parameters_and_result(module: Module, called: ast.expr) -> tuple[str, str]:
    """Return what the function around `called` takes and returns: a lambda becomes the function."""
    if not isinstance(called, ast.Lambda):
        return "*args, **kwargs", f"{module.segment(called)}(*args, **kwargs)"
    result = moved(module, called.body, _INDENTATION)
    if has_lines_of_its_own(result) or isinstance(called.body, ast.NamedExpr):
        result = f"({result})"
    begin, end = module.span(called).start + len("lambda"), module.span(called.body).start
    parameters = _COLON.sub("", module.text[begin:end]).strip()
    return parameters if parameters.isprintable() else ast.unparse(called.args), result


def _can_be_called_later(
    start: Start, project: Project, called: ast.expr, statement: ast.stmt
) -> bool:
    """Whether what is started is the same in a function before the statement, when that runs."""
    module, scopes = start.module, start.module.scopes
    if not isinstance(called, ast.Lambda):
        return is_same_later(called, start.call, module, project)
    if scopes.scope_of(called) is not scopes.scope_of(statement):
        return False
    is_simple = not hasattr(statement, "body")
    names_more = any(isinstance(each, ast.NamedExpr) for each in ast.walk(statement))
    return not _has_defaults(called) or (is_simple and not names_more)


def _has_defaults(called: ast.expr) -> bool:
    """Whether a lambda keeps values that names have right where it is made."""
    return isinstance(called, ast.Lambda) and any(defaults_of(called.args))


def _wrapper_name(start: Start, project: Project, called: ast.expr) -> str:
    """Return the name of the function around `called`; in one function a name means one."""
    written = _wrapped_around(start, project)
    if len(written) == 1:
        return "run_in_context"
    name = last_name(called) or "run"
    same = [code for code, each in written.items() if (last_name(each) or "run") == name]
    number = same.index(start.module.segment(called)) + 1
    return f"{name}_in_context" if number == 1 else f"{name}_in_context_{number}"


def _wrapped_around(start: Start, project: Project) -> dict[str, ast.expr]:
    """Return what a function starts that needs its application only, by how that is written."""
    found = (each.callable for each in starts_beside(start, project))
    segment = start.module.segment
    return {segment(each): each for each in found if isinstance(each, ast.expr)}
