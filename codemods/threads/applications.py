"""The application that the code around a start has, and the fix that opens its context."""

from __future__ import annotations

import ast
from itertools import takewhile
from typing import NamedTuple

from flask_ctxfix.codemod import Edit, Fix, InsertStatement, Need, ReplaceExpression, WrapBody
from flask_ctxfix.codemods.threads.captured_proxies import opened_proxies
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow import Need as Context
from flask_ctxfix.context_flow.said_uses import of_function
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.insertion_points import is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import (
    application_of_module,
    application_seen,
    has_one_application,
)
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode, Scope
from flask_ctxfix.spelling import flask_name_at, is_free_in
from flask_ctxfix.statements import block_of, statement_of

_TEARS_DOWN = (
    "teardown functions, such as closing a database session, run when this context ends",
)
_TAKEN = "`app` is `current_app._get_current_object()` in the code that starts {}"
_UNCERTAIN_USE = (
    "some runs of {} need no app context, but would open one and run teardown functions"
)
_UNCERTAIN_START = "{} may be started outside an app context, where the fix raises RuntimeError"
_USED_LATER = "database objects that {} returns may be used after their session is closed"


def opening(
    start: Start,
    doubt: str | None,
    edits: tuple[Edit, ...],
    needs: tuple[Need, ...] = (),
    app: str = "app",
    *,
    has_wrapper: bool = False,
) -> Fix | None:
    """Return the fix that opens a context of `app` for a target by some edits, if there are any."""
    if not edits:
        return None
    changes = f"put the body of {{}} in `with {app}.app_context():`"
    if not any(isinstance(edit, WrapBody | InsertStatement) for edit in edits):
        changes = f"open `{app}.app_context()` in {{}}, not the context of the proxy"
    if has_wrapper:
        changes = f"start a new function that calls {{}} in `with {app}.app_context():`"
    given = any("._get_current_object()" in getattr(edit, "code", "") for edit in edits)
    notes = (of_function(start.function, _TAKEN), *_TEARS_DOWN) if given else _TEARS_DOWN
    told = of_function(start.function, changes)
    return Fix(told, edits, needs, notes=notes, unsafe_reason=doubt)


def doubt_of(start: Start, summary: Summary, where: Where = Where.APP) -> str | None:
    """Return why a fix may change a run that worked, or fail where there is no application.

    What a pool's task takes out of the database may be used after its context has ended.
    """
    if not where.is_inside:
        return of_function(start.function, _UNCERTAIN_START)
    of_database = any(use.of.startswith("flask_sqlalchemy.") for use in summary.uses)
    returns = start.starter.kind == "pool" and of_database
    if not any(use.is_certain for use in summary.uses):
        return of_function(start.function, _UNCERTAIN_USE)
    return of_function(start.function, _USED_LATER) if returns else None


class SeenApp(NamedTuple):
    """The name of an application, and the scope that it is a variable of."""

    name: str
    owner: Scope

    def is_seen_in(self, scope: Scope) -> bool:
        """Whether the name is that application in a scope, too."""
        return scope.home(self.name) is self.owner


def app_around(start: Start, project: Project) -> SeenApp | None:
    """Return the one application around a start, if that is there whenever it runs.

    It is one of the module, or of a factory that the start stands in.
    """
    module, scopes = start.module, start.module.scopes
    name, owner = application_of_module(module, project), scopes.module
    if name is None and has_one_application(project):
        scope = scopes.scope_of(statement_of(module, start.call))
        name = application_seen(module, project, scope)
        owner = scope.home(name) if name is not None else owner
    if name is None:
        return None
    if owner.node is (home_of(start) or module.tree):
        made = owner.bindings[name][0].node
        if module.span(made).start > module.span(start.call).start:
            return None
    return SeenApp(name, owner)


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

    That is before the first of them, outside of the blocks that not all of them are in.
    """
    module = start.module
    found = [*filter(None, map(_insertion_point, starts_beside(start, project)))]
    first = _before_all(module, [own, *found])
    is_place = first is not None and is_first_on_line(module, first)
    return first if first and is_place and has_app_at(start, project, first) else own


def _before_all(module: Module, points: list[ast.stmt]) -> ast.stmt | None:
    """Return the last statement of a function that always runs before all of some statements."""
    first = min(points, key=lambda point: module.span(point).start)
    above = (each for each in module.scopes.ancestors(first) if isinstance(each, ast.stmt))
    for each in (first, *takewhile(lambda each: not isinstance(each, FunctionNode), above)):
        block = block_of(module.scopes.parents[each], each)
        is_elif = module.text.startswith("elif", module.span(each).start)
        if not is_elif and all(_is_in(module, point, block) for point in points):
            return each
    return None


def _is_in(module: Module, statement: ast.stmt, block: list[ast.stmt]) -> bool:
    """Whether a block holds a statement, at any depth."""
    return statement in block or any(each in block for each in module.scopes.ancestors(statement))


class Passed(NamedTuple):
    """How a start passes its application, what takes that before, and what has to be imported."""

    code: str
    before: tuple[Edit, ...] = ()
    needs: tuple[Need, ...] = ()


def passed_application(start: Start, project: Project, where: Where) -> Passed | None:
    """Return how a start passes the active application, which is taken once for several starts."""
    module, around, own = start.module, home_of(start), start.statement
    taken = application_at(start, project, start.call, where)
    if taken is None:
        return None
    real, needs = taken
    if around is None or own is None or not where.is_inside:
        return Passed(real, (), needs)
    first = first_insertion_point(start, project, own)
    is_shared = is_first_on_line(module, first) and has_app_at(start, project, first)
    if len(starts_beside(start, project)) == 1 or not is_shared:
        return Passed(real, (), needs)
    if not is_free_in(module, module.scopes.opened_by(around), "app"):
        return Passed(real, (), needs)
    takes = InsertStatement(module.span(first), f"app = {real}", "before")
    return Passed("app", (takes,), needs)


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
