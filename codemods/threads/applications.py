"""The application that the code around a start has, and the fix that opens its context."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Edit, Fix, Need, ReplaceExpression
from flask_ctxfix.codemods.threads.captured_proxies import opened_proxies
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow import Need as Context
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.insertion_points import is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import (
    application_of_module,
    application_seen,
    has_one_application,
)
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.statements import statement_of

_CHANGES = "open an app context around it"
_TEARS_DOWN = ("teardown functions run when it ends",)
_UNCERTAIN_USE = "not every run needs the application, and each gets a context"
_UNCERTAIN_START = "it may be started where there is no application"


def opening(doubt: str | None, edits: tuple[Edit, ...], needs: tuple[Need, ...] = ()) -> Fix | None:
    """Return the fix that opens a context by some edits, if there are any."""
    if not edits:
        return None
    return Fix(_CHANGES, edits, needs, notes=_TEARS_DOWN, unsafe_reason=doubt)


def doubt_of(start: Start, summary: Summary, where: Where = Where.APP) -> str | None:
    """Return why a fix may change a run that worked, or fail where there is no application.

    What a pool's task takes out of the database may be used after its context has ended.
    """
    if not where.is_inside:
        return _UNCERTAIN_START
    of_database = any(use.of.startswith("flask_sqlalchemy.") for use in summary.uses)
    returns = start.starter.kind == "pool" and of_database
    is_certain = any(use.is_certain for use in summary.uses) and not returns
    return None if is_certain else _UNCERTAIN_USE


def module_app(start: Start, project: Project) -> str | None:
    """Return the module's name of the one application, if it has that whenever the start runs."""
    module = start.module
    name = application_of_module(module, project)
    if name is None and has_one_application(project):
        name = application_seen(module, project, module.scopes.module)
    if name is None or home_of(start) is not None:
        return name
    made = module.scopes.module.bindings[name][0].node
    return name if module.span(made).start < module.span(start.call).start else None


def application_at(
    start: Start, project: Project, at: ast.AST, where: Where
) -> tuple[str, tuple[Need, ...]] | None:
    """Return how the code that starts the target writes the application that it serves."""
    if not start.may_be_in_context(where):
        return None
    spelled = flask_name_at(start.module, project, at, "current_app")
    return (f"{spelled[0]}._get_current_object()", spelled[1]) if spelled is not None else None


def opened_edits(
    module: Module, node: ast.FunctionDef, summary: Summary, app: str
) -> tuple[Edit, ...]:
    """Return the edits that open the contexts of the proxy on the application itself."""
    proxies = opened_proxies(module, node, summary)
    return tuple(ReplaceExpression(module.span(proxy), app) for proxy in proxies)


def home_of(start: Start) -> FunctionNode | None:
    """Return the function that holds the statement of a start, which may stand in a lambda."""
    module = start.module
    return module.scopes.function_of(statement_of(module, start.call))


def starts_beside(start: Start, project: Project) -> list[Start]:
    """Return the starts of a function that need no more than its application."""
    needs = ContextFlow.of(project).needs
    around = home_of(start)
    starts = (each for each in starts_in(start.module, project) if home_of(each) is around)
    return [each for each in starts if needs.of(each.value).need is Context.APP]


def first_insertion_point(start: Start, project: Project, own: ast.stmt) -> ast.stmt:
    """Return where a function takes the application for all that it starts.

    That is before the first of them, if every way to the later ones leads past it.
    """
    around = home_of(start)
    body = around.body if around is not None and not isinstance(around, ast.Lambda) else []
    found = filter(None, map(_insertion_point, starts_beside(start, project)))
    points = [point for point in found if is_first_on_line(start.module, point)]
    first = min((own, *points), key=lambda point: start.module.span(point).start)
    return first if first in body and has_app_at(start, project, first) else own


def has_app_at(start: Start, project: Project, statement: ast.stmt) -> bool:
    """Whether there certainly is an application to take before a statement."""
    return ContextFlow.of(project).every_caller.of(start.module, statement).where.is_inside


def _insertion_point(start: Start) -> ast.stmt | None:
    """Return the statement before which a start's application would be taken."""
    node = start.function.node if start.function is not None else None
    around = start.module.scopes.function_of(start.call)
    if isinstance(node, ast.FunctionDef) and start.module.scopes.parents.get(node) is around:
        return node
    return start.statement
