"""The fix that lets a target run in an app context of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Fix, InsertStatement, WrapBody
from flask_ctxfix.codemods.threads.applications import (
    Passed,
    app_around,
    application_at,
    doubt_of,
    first_insertion_point,
    has_app_at,
    opened_edits,
    opening,
    passed_application,
)
from flask_ctxfix.codemods.threads.passed_arguments import passing_edits
from flask_ctxfix.codemods.threads.processes import Inherited, inherited
from flask_ctxfix.codemods.threads.wrappers import wrapper_fix
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow.starts import (
    Start,
    is_deferred,
    is_only_started_by_decorator,
    starts_in,
)
from flask_ctxfix.context_flow.values import is_parameter
from flask_ctxfix.insertion_points import can_be_wrapped, is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import may_go_on
from flask_ctxfix.obligations.only_use import is_only_started
from flask_ctxfix.obligations.overriding import may_be_called_unseen
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import is_free_in

_IN_A_FORK = "a forked process already has an app context, and `g` starts empty in the new one"


def app_context_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if there is an application to take and a place for its context."""
    if start.function is None or is_deferred(start.function):
        return None
    if start.runs_late or where is Where.ENDING or _starts_itself(start, project):
        return None
    body = _body_of(start, project)
    app = app_around(start, project)
    if body is not None and app is not None:
        if app.is_seen_in(start.module.scopes.opened_by(body)):
            return _with_app_seen(start, project, summary, body, app.name)
    if may_go_on(start, project):
        return None
    fix = _with_app_given(start, project, summary, where, body) if body is not None else None
    return fix or wrapper_fix(start, project, summary, where)


def _body_of(start: Start, project: Project) -> ast.FunctionDef | None:
    """Return the function whose body can be put into a context, as it only runs elsewhere."""
    module, function = start.module, start.function
    node = function.node if function is not None else None
    if not isinstance(node, ast.FunctionDef) or function is None or function.module is not module:
        return None
    if node.decorator_list and (start.call is not node or len(node.decorator_list) > 1):
        return None
    if not can_be_wrapped(module, node):
        return None
    return node if _is_only_target(start, project, node) else None


def _with_app_seen(
    start: Start, project: Project, summary: Summary, node: ast.FunctionDef, app: str
) -> Fix | None:
    """Return the fix that opens the context of an application that the function sees."""
    module = start.module
    if any(use.attribute == "app_context" for use in summary.uses):
        # Each run fails where it opens the context, so that no run is changed that worked.
        return opening(start, None, opened_edits(module, node, summary, app), app=app)
    if may_go_on(start, project):
        return None
    forked = start.starter.kind == "process" and inherited(start, project) is not Inherited.NO
    doubt = _IN_A_FORK if forked else doubt_of(start, summary)
    return opening(start, doubt, (_wrap(module, node, app),), app=app)


def _with_app_given(
    start: Start, project: Project, summary: Summary, where: Where, node: ast.FunctionDef
) -> Fix | None:
    """Return the fix that gives the function the application of the code that starts it."""
    if start.starter.kind == "process" or start.function is not start.value or node.decorator_list:
        return None  # to a process, an application cannot be passed
    if start.nested is None:
        return _with_app_passed(start, project, summary, where, node)
    module = start.module
    taken = application_at(start, project, node, where)
    if taken is None or not is_free_in(module, module.scopes.scope_of(node), "app"):
        return None
    real, needs = taken
    first = first_insertion_point(start, project, node) if where.is_inside else node
    if not is_first_on_line(module, first):
        return None
    if where.is_inside and not has_app_at(start, project, first):
        return None  # a test proves that there is one at the start, but stands behind this
    before = InsertStatement(module.span(first), f"app = {real}", "before")
    opens = any(use.attribute == "app_context" for use in summary.uses)
    edits = opened_edits(module, node, summary, "app") if opens else (_wrap(module, node, "app"),)
    return (
        opening(start, doubt_of(start, summary, where), (before, *edits), needs) if edits else None
    )


def _with_app_passed(
    start: Start, project: Project, summary: Summary, where: Where, node: ast.FunctionDef
) -> Fix | None:
    """Return the fix that passes the application to a function which does not see it itself."""
    module, scopes = start.module, start.module.scopes
    if any(use.attribute == "app_context" for use in summary.uses):
        return None
    if not is_free_in(module, scopes.opened_by(node), "app"):
        return None
    app = app_around(start, project)
    if app is not None and app.is_seen_in(scopes.scope_of(start.call)):
        given = Passed(app.name)
        where = Where.APP
    else:
        taken = passed_application(start, project, where)
        if taken is None:
            return None
        given = taken
    passed = passing_edits(start, project, node, {"app": given.code})
    edits = (*given.before, *passed, _wrap(module, node, "app"))
    return opening(start, doubt_of(start, summary, where), edits, given.needs) if passed else None


def _wrap(module: Module, node: ast.FunctionDef, app: str) -> WrapBody:
    return WrapBody(module.span(node), f"with {app}.app_context():")


def _is_only_target(start: Start, project: Project, node: ast.FunctionDef) -> bool:
    """Whether all that names a function in the project starts it elsewhere."""
    module = start.module
    if start.call is node and start.target is not node:
        return is_only_started_by_decorator(start, project)
    owner = module.scopes.parents.get(node)
    if isinstance(owner, ast.ClassDef) and _may_be_called(start, project, node):
        return False
    return start.target is node or is_only_started(module, project, node)


def _may_be_called(start: Start, project: Project, node: ast.FunctionDef) -> bool:
    """Whether something may call a method that does not name it, or names it as a thread's `run`.

    A class of another package calls the methods that it knows, and Python those in underscores.
    """
    module, flow = start.module, ContextFlow.of(project)
    if start.target is node:
        runs = flow.every_caller.references(module, node)
        return any(flow.values.of(home, each) is not None for home, each in runs)
    if may_be_called_unseen(module, project, node):
        return True
    return any(_asks_object(module, each) for each in module.scopes.calls.get("getattr", ()))


def _asks_object(module: Module, call: ast.Call) -> bool:
    """Whether ``getattr`` is called on a parameter: ``self``, or what may be given it."""
    return is_parameter(module, call.args[0] if call.args else None)


def _starts_itself(start: Start, project: Project) -> bool:
    """Whether a function is also started when a context ends, which its own context then does."""
    node = start.function.node if start.function is not None else None
    starts = (
        each
        for each in starts_in(start.module, project)
        if each.function is not None and each.function.node is node
    )
    return any(each.reach(project).where is Where.ENDING for each in starts)
