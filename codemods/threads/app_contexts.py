"""The fix that lets a target run in an app context of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import (
    AddParameter,
    Edit,
    Fix,
    InsertStatement,
    Need,
    ReplaceExpression,
    WrapBody,
)
from flask_ctxfix.codemods.threads.captured_proxies import opened_proxies
from flask_ctxfix.codemods.threads.processes import Inherited, inherited
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow import Need as Context
from flask_ctxfix.context_flow.starts import Start, is_deferred, starts_in
from flask_ctxfix.context_flow.values import is_parameter
from flask_ctxfix.insertion_points import can_be_wrapped, is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import may_go_on
from flask_ctxfix.obligations.only_use import is_only_started, named_at
from flask_ctxfix.obligations.overriding import may_be_called_unseen
from flask_ctxfix.obligations.same_value import is_same_later
from flask_ctxfix.obligations.which_application import application_of_module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.spelling import flask_name_at, is_free
from flask_ctxfix.statements import statement_of
from flask_ctxfix.syntax import last_name

_CHANGES = "open an app context around it"
_TEARS_DOWN = ("teardown functions run when it ends",)
_UNCERTAIN_USE = "not every run needs the application, and each gets a context"
_UNCERTAIN_START = "it may be started where there is no application"
_IN_A_FORK = "a forked process has the context of the request, and gets a second one"
_PARAMETER = "its function gets another parameter, which something else may not pass"
_WRAPPER = """\
def {name}(*args, **kwargs):
    with app.app_context():
        return {call}(*args, **kwargs)
"""


def app_context_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if there is an application to take and a place for its context."""
    if start.function is None or is_deferred(start.function):
        return None
    if may_go_on(start, project) or start.runs_late or where is Where.ENDING:
        return None
    fix = _of_body(start, project, summary, where)
    return fix or _of_call(start, project, summary, where)


def _of_body(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that opens the context in the function itself."""
    module, function = start.module, start.function
    node = function.node if function is not None and function is start.value else None
    if not isinstance(node, ast.FunctionDef) or function is None or node.decorator_list:
        return None
    if function.module is not module or not can_be_wrapped(module, node):
        return None
    if not _is_only_target(start, project, node) or _starts_itself(start, project, node):
        return None
    is_certain = _is_certain(start, summary)
    app = _module_app(start, project)
    opens = [use for use in summary.uses if use.attribute == "app_context"]
    if app is not None and _sees(module, node, app):
        wrap = WrapBody(module.span(node), f"with {app}.app_context():")
        forked = start.starter.kind == "process" and inherited(start, project) is not Inherited.NO
        doubt = _IN_A_FORK if forked else _doubt(is_certain)
        return None if opens else _opening(doubt, (wrap,))
    if start.starter.kind == "process":
        return None  # an application cannot be passed to it
    taken = _application(start, project, node, where)
    if taken is None or not is_free(module, node, "app"):
        return None
    real, needs = taken
    doubt = _doubt(is_certain, where)
    if start.nested is not None:
        first = _first_insertion_point(start, project, node) if where.is_inside else node
        if not is_first_on_line(module, first):
            return None
        if where.is_inside and not _has_app(start, project, first):
            return None  # a test proves that there is one at the start, but stands behind this
        before = InsertStatement(module.span(first), f"app = {real}", "before")
        edits = _opened(module, node, summary) if opens else (_wrap(module, node),)
        return _opening(doubt, (before, *edits), needs) if edits else None
    if (
        isinstance(module.scopes.scope_of(node).node, ast.Module)  # a method's first is its object
        and not opens
        and named_at(module, node) == [start.target]
    ):
        passed = _passed_first(start, real)
        if passed is not None:
            parameter = AddParameter(module.span(node), "app")
            edits = (passed, parameter, _wrap(module, node))
            return _opening(_PARAMETER, edits, needs)
    return None


def _of_call(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that starts a function around the target which opens the context."""
    module, statement, target = start.module, start.statement, start.target
    if (
        statement is None
        or start.starter.kind == "process"
        or not isinstance(target, ast.expr)
        or not isinstance(start.call, ast.Call)
    ):
        return None
    if any(use.attribute == "app_context" for use in summary.uses):
        return None
    called = start.callable
    if not isinstance(called, ast.expr) or called not in ast.walk(statement):
        return None
    if not is_same_later(called, start.call, module, project):
        return None
    taken = _application(start, project, start.call, where)
    wrapper = _wrapper_name(start, project, called)
    if taken is None or wrapper is None:
        return None
    if not all(is_free(module, statement, name) for name in ("app", wrapper)):
        return None
    real, needs = taken
    written = module.segment(called)
    call = f"({written})" if isinstance(called, ast.Lambda) else written
    first = _first_insertion_point(start, project, statement) if where.is_inside else statement
    is_alone = len(_wrapped_around(start, project)) == 1
    point = first if is_alone else statement
    if not is_first_on_line(module, first) or not is_first_on_line(module, point):
        return None
    edits = (
        InsertStatement(module.span(first), f"app = {real}", "before"),
        InsertStatement(module.span(point), _WRAPPER.format(name=wrapper, call=call), "before"),
        ReplaceExpression(module.span(called), wrapper),
    )
    return _opening(_doubt(_is_certain(start, summary), where), edits, needs)


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
    found = (each.callable for each in _around(start, project))
    segment = start.module.segment
    return {segment(each): each for each in found if isinstance(each, ast.expr)}


def _around(start: Start, project: Project) -> list[Start]:
    """Return the starts of a function that need no more than its application."""
    needs = ContextFlow.of(project).needs
    around = _home(start)
    starts = (each for each in starts_in(start.module, project) if _home(each) is around)
    return [each for each in starts if needs.of(each.value).need is Context.APP]


def _home(start: Start) -> FunctionNode | None:
    """Return the function that holds the statement of a start, which may stand in a lambda."""
    module = start.module
    return module.scopes.function_of(statement_of(module, start.call))


def _first_insertion_point(start: Start, project: Project, own: ast.stmt) -> ast.stmt:
    """Return where a function takes the application for all that it starts.

    That is before the first of them, if every way to the later ones leads past it.
    """
    around = _home(start)
    body = around.body if around is not None and not isinstance(around, ast.Lambda) else []
    found = filter(None, map(_insertion_point, _around(start, project)))
    points = [point for point in found if is_first_on_line(start.module, point)]
    first = min((own, *points), key=lambda point: start.module.span(point).start)
    return first if first in body and _has_app(start, project, first) else own


def _has_app(start: Start, project: Project, statement: ast.stmt) -> bool:
    """Whether there certainly is an application to take before a statement."""
    return ContextFlow.of(project).every_caller.of(start.module, statement).where.is_inside


def _insertion_point(start: Start) -> ast.stmt | None:
    """Return the statement before which a start's application would be taken."""
    node = start.function.node if start.function is not None else None
    around = start.module.scopes.function_of(start.call)
    if isinstance(node, ast.FunctionDef) and start.module.scopes.parents.get(node) is around:
        return node
    return start.statement


def _doubt(is_certain: bool, where: Where = Where.APP) -> str | None:
    if not where.is_inside:
        return _UNCERTAIN_START
    return None if is_certain else _UNCERTAIN_USE


def _opening(doubt: str | None, edits: tuple[Edit, ...], needs: tuple[Need, ...] = ()) -> Fix:
    return Fix(_CHANGES, edits, needs, notes=_TEARS_DOWN, unsafe_reason=doubt)


def _is_certain(start: Start, summary: Summary) -> bool:
    """Whether each run failed, so that none is changed that worked.

    What a pool's task takes out of the database may be used after its context has ended.
    """
    of_database = any(use.of.startswith("flask_sqlalchemy.") for use in summary.uses)
    returns = start.starter.kind == "pool" and of_database
    return any(use.is_certain for use in summary.uses) and not returns


def _application(
    start: Start, project: Project, at: ast.AST, where: Where
) -> tuple[str, tuple[Need, ...]] | None:
    """Return how the code that starts the target writes the application that it serves."""
    if not start.may_be_in_context(where):
        return None
    spelled = flask_name_at(start.module, project, at, "current_app")
    return (f"{spelled[0]}._get_current_object()", spelled[1]) if spelled is not None else None


def _wrap(module: Module, node: ast.FunctionDef) -> WrapBody:
    return WrapBody(module.span(node), "with app.app_context():")


def _opened(module: Module, node: ast.FunctionDef, summary: Summary) -> tuple[Edit, ...]:
    """Return the edits that open the contexts of the proxy on the application itself."""
    proxies = opened_proxies(module, node, summary)
    return tuple(ReplaceExpression(module.span(proxy), "app") for proxy in proxies)


def _passed_first(start: Start, real: str) -> Edit | None:
    """Return the edit that puts the application first in the tuple of arguments."""
    if start.starter.passing != "tuple" or not isinstance(start.call, ast.Call):
        return None
    position = start.starter.arguments
    node = start.function.node if start.function is not None else None
    if node is None or node.args.kwarg is not None:
        return None
    given = {each.arg: each.value for each in start.call.keywords}
    arguments = given.get("args")
    if arguments is None and len(start.call.args) > position:
        arguments = start.call.args[position]
    if not isinstance(arguments, ast.Tuple | ast.List) or "#" in start.module.segment(arguments):
        return None
    names = [f"argument_{index}" for index in range(len(arguments.elts))]
    module = start.module
    holes = tuple(zip(names, map(module.span, arguments.elts), strict=True))
    inner = ", ".join([real, *names])
    if isinstance(arguments, ast.List):
        code = f"[{inner}]"
    else:
        code = f"({inner})" if names else f"({inner},)"
    return ReplaceExpression(module.span(arguments), code, holes)


def _module_app(start: Start, project: Project) -> str | None:
    """Return the name of the one application that the module has made whenever the start runs."""
    module = start.module
    name = application_of_module(module, project)
    if name is None or _home(start) is not None:
        return name
    made = module.scopes.module.bindings[name][0].node
    return name if module.span(made).start < module.span(start.call).start else None


def _sees(module: Module, node: ast.FunctionDef, name: str) -> bool:
    """Whether `name` is the module's own in the body of a function."""
    return module.scopes.opened_by(node).home(name) is module.scopes.module


def _is_only_target(start: Start, project: Project, node: ast.FunctionDef) -> bool:
    """Whether all that names a function in the project starts it elsewhere."""
    module = start.module
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


def _starts_itself(start: Start, project: Project, node: ast.FunctionDef) -> bool:
    """Whether a function is also started when a context ends, which its own context then does."""
    starts = (
        each
        for each in starts_in(start.module, project)
        if each.function is not None and each.function.node is node
    )
    return any(each.reach(project).where is Where.ENDING for each in starts)
