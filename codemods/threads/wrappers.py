"""The fix that starts a function around a target, which opens an app context for it."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Edit, Fix, InsertStatement, ReplaceExpression
from flask_ctxfix.codemods.threads.applications import (
    application_at,
    doubt_of,
    first_insertion_point,
    module_app,
    opening,
    starts_beside,
)
from flask_ctxfix.context_flow import Summary, Where
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.insertion_points import is_first_on_line, is_set_off
from flask_ctxfix.obligations.same_value import is_same_later
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import is_free
from flask_ctxfix.syntax import last_name

_WRAPPER = """\
def {name}(*args, **kwargs):
    with {app}.app_context():
        return {call}(*args, **kwargs)
"""


def wrapper_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that starts a function around the target which opens the context."""
    module, statement, called = start.module, start.statement, start.callable
    if statement is None or start.starter.kind == "process" or start.target is start.call:
        return None
    if any(use.attribute == "app_context" for use in summary.uses):
        return None
    if not isinstance(called, ast.expr) or called not in ast.walk(statement):
        return None
    if not is_same_later(called, start.call, module, project):
        return None
    wrapper = _wrapper_name(start, project, called)
    if wrapper is None or not is_free(module, statement, wrapper):
        return None
    app = module_app(start, project)
    scope = module.scopes.scope_of(statement)
    if scope.is_class:
        return None  # the wrapper would not see the application
    is_seen = app is not None and scope.home(app) is module.scopes.module
    taken = None if is_seen else application_at(start, project, start.call, where)
    if not is_seen and (taken is None or not is_free(module, statement, "app")):
        return None
    written = module.segment(called)
    call = f"({written})" if isinstance(called, ast.Lambda) else written
    first = first_insertion_point(start, project, statement) if where.is_inside else statement
    is_alone = len(_wrapped_around(start, project)) == 1
    point = first if is_alone else statement
    if not is_first_on_line(module, first) or not is_first_on_line(module, point):
        return None
    code = _WRAPPER.format(name=wrapper, app=app if is_seen else "app", call=call)
    if (taken is None or point is not first) and not is_set_off(module, point):
        code = f"\n{code}"
    edits: tuple[Edit, ...] = (
        InsertStatement(module.span(point), code, "before"),
        ReplaceExpression(module.span(called), wrapper),
    )
    if taken is None:
        return opening(doubt_of(start, summary), edits)
    real, needs = taken
    takes = InsertStatement(module.span(first), f"app = {real}", "before")
    return opening(doubt_of(start, summary, where), (takes, *edits), needs)


def _wrapper_name(start: Start, project: Project, called: ast.expr) -> str | None:
    """Return the name of the function around `called`; in one function a name means one."""
    written = _wrapped_around(start, project)
    if len(written) == 1:
        return "run_in_context"
    name = last_name(called) or "run"
    names = [last_name(each) or "run" for each in written.values()]
    return f"{name}_in_context" if names.count(name) == 1 else None


def _wrapped_around(start: Start, project: Project) -> dict[str, ast.expr]:
    """Return what a function starts that needs its application only, by how that is written."""
    found = (each.callable for each in starts_beside(start, project))
    segment = start.module.segment
    return {segment(each): each for each in found if isinstance(each, ast.expr)}
