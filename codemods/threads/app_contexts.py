"""The fix that lets a target run in an app context of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import (
    AddParameter,
    Applicability,
    Edit,
    Fix,
    InsertStatement,
    Need,
    ReplaceExpression,
    WrapBody,
)
from flask_ctxfix.codemods.threads.captured_proxies import opened_proxies, proxy_of
from flask_ctxfix.codemods.threads.starts import LOOPS, Start, is_deferred, starts_in
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow import Need as Context
from flask_ctxfix.context_flow.values import Foreign, Partial, own_nodes
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.spelling import flask_name_at, is_free

_CHANGES = "open an app context around it; teardown functions run when it ends"
_WRAPPER = """\
def run_in_context(*args, **kwargs):
    with app.app_context():
        return {call}(*args, **kwargs)
"""


def app_context_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if there is an application to take and a place for its context."""
    if start.function is None or start.starter.kind == "process" or is_deferred(start.function):
        return None
    if goes_on(start):
        return None
    fixes = (_of_body(start, project, summary, where), _of_call(start, project, summary, where))
    return next((fix for fix in fixes if fix is not None), None)


def goes_on(start: Start) -> bool:
    """Whether the target may run as long as the program, where one context would be kept open."""
    nodes = own_nodes(start.function.node) if start.function is not None else ()
    return any(isinstance(each, ast.While) for each in nodes)


def _of_body(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that opens the context in the function itself."""
    module, function = start.module, start.function
    node = function.node if function is not None and function is start.value else None
    if not isinstance(node, ast.FunctionDef) or function is None or node.decorator_list:
        return None
    if function.module is not module or not _is_only_target(start, project, node):
        return None
    is_certain = _is_certain(start, summary)
    app = _module_app(module, project)
    opens = [use for use in summary.uses if use.attribute == "app_context"]
    if app is not None and _sees(module, node, app):
        wrap = WrapBody(module.span(node), f"with {app}.app_context():")
        return None if opens else Fix(_class(is_certain), _CHANGES, (wrap,))
    taken = _application(start, project, node, where)
    if taken is None or not is_free(module, node, "app"):
        return None
    real, needs = taken
    applicability = _class(is_certain and where.is_inside)
    if start.nested is not None:
        first = _first_place(start, project, node) if where.is_inside else node
        before = InsertStatement(module.span(first), f"app = {real}", "before")
        edits = _opened(module, node, summary) if opens else (_wrap(module, node),)
        return Fix(applicability, _CHANGES, (before, *edits), needs) if edits else None
    if (
        module.scopes.function_of(node) is None
        and not opens
        and _names(module, node) == [start.target]
    ):
        passed = _passed_first(start, real)
        if passed is not None:
            parameter = AddParameter(module.span(node), "app")
            return Fix("unsafe", _CHANGES, (passed, parameter, _wrap(module, node)), needs)
    return None


def _of_call(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that starts a function around the target which opens the context."""
    module, statement, target = start.module, start.statement, start.target
    if (
        statement is None
        or not isinstance(target, ast.expr)
        or not isinstance(start.call, ast.Call)
    ):
        return None
    if any(use.attribute == "app_context" for use in summary.uses):
        return None
    if not _can_wait(start, target, project) or _rebinds(start, target):
        return None
    taken = _application(start, project, start.call, where)
    names = ("app", "run_in_context")
    if taken is None or not all(is_free(module, statement, name) for name in names):
        return None
    real, needs = taken
    written = module.segment(target)
    call = written if isinstance(target, ast.Name | ast.Attribute | ast.Call) else f"({written})"
    first = _first_place(start, project, statement) if where.is_inside else statement
    others = {module.segment(each.target) for each in _around(start, project)}
    place = first if others == {written} else statement
    edits = (
        InsertStatement(module.span(first), f"app = {real}", "before"),
        InsertStatement(module.span(place), _WRAPPER.format(call=call), "before"),
        ReplaceExpression(module.span(target), "run_in_context"),
    )
    return Fix(_class(_is_certain(start, summary) and where.is_inside), _CHANGES, edits, needs)


def _around(start: Start, project: Project) -> list[Start]:
    """Return the starts of a function that need no more than its application."""
    function_of, needs = start.module.scopes.function_of, ContextFlow.of(project).needs
    around = function_of(start.call)
    starts = (each for each in starts_in(start.module, project) if function_of(each.call) is around)
    return [each for each in starts if needs.of(each.value).need is Context.APP]


def _first_place(start: Start, project: Project, own: ast.stmt) -> ast.stmt:
    """Return where a function takes the application for all that it starts.

    That is before the first of them, if every way to the later ones leads past it.
    """
    scopes = start.module.scopes
    around = scopes.function_of(start.call)
    body = around.body if around is not None and not isinstance(around, ast.Lambda) else []
    places = [place for each in _around(start, project) if (place := _place(each)) is not None]
    first = min((own, *places), key=lambda place: start.module.span(place).start)
    return first if first in body else own


def _place(start: Start) -> ast.stmt | None:
    """Return the statement before which a start's application would be taken."""
    node = start.function.node if start.function is not None else None
    around = start.module.scopes.function_of(start.call)
    if isinstance(node, ast.FunctionDef) and start.module.scopes.parents.get(node) is around:
        return node
    return start.statement


def _class(is_safe: bool) -> Applicability:
    return "safe" if is_safe else "unsafe"


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
    if where is Where.OUTSIDE:
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
    given = {each.arg: each.value for each in start.call.keywords}
    arguments = given.get("args")
    if arguments is None and len(start.call.args) > position:
        arguments = start.call.args[position]
    if not isinstance(arguments, ast.Tuple | ast.List):
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


def _can_wait(start: Start, target: ast.expr, project: Project) -> bool:
    """Whether a target may be evaluated in the thread, as it was where it is started.

    What a proxy stands for, what a call makes and the value of an attribute may be another there.
    """
    if isinstance(target, ast.Lambda):
        return not (target.args.defaults or any(target.args.kw_defaults))
    if isinstance(target, ast.Call):
        if not isinstance(start.value, Partial) or not target.args:
            return False
        given = (*target.args[1:], *(each.value for each in target.keywords))
        is_plain = all(isinstance(each, ast.Constant | ast.Name) for each in given)
        return is_plain and _can_wait(start, target.args[0], project)
    root = target
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and proxy_of(start.module, project, root) is None


def _rebinds(start: Start, target: ast.expr) -> bool:
    """Whether the target, looked at in the thread, may stand for something else than it did."""
    scopes = start.module.scopes
    around = [*scopes.ancestors(start.call)]
    function = scopes.function_of(start.call)
    limit = around.index(function) if function is not None else len(around)
    loops = [each for each in around[:limit] if isinstance(each, LOOPS)]
    for name in (each for each in ast.walk(target) if isinstance(each, ast.Name)):
        home = scopes.home_of(name)
        if home.node in ast.walk(target) or home is scopes.module:
            continue
        bindings = home.bindings.get(name.id, [])
        if not isinstance(home.node, FunctionNode) or len(bindings) != 1:
            return True
        if any(loop in (bindings[0].node, *scopes.ancestors(bindings[0].node)) for loop in loops):
            return True
    return False


def _module_app(module: Module, project: Project) -> str | None:
    """Return the name of the one application that the module makes at its top level."""
    values = ContextFlow.of(project).values
    found = [
        name
        for name, bindings in module.scopes.module.bindings.items()
        if len(bindings) == 1
        and isinstance(bindings[0].value, ast.Call)
        and values.of(module, bindings[0].value.func) == Foreign("flask.Flask")
    ]
    return found[0] if len(found) == 1 else None


def _sees(module: Module, node: ast.FunctionDef, name: str) -> bool:
    """Whether `name` is the module's own in the body of a function."""
    return module.scopes.opened_by(node).home(name) is module.scopes.module


def _is_only_target(start: Start, project: Project, node: ast.FunctionDef) -> bool:
    """Whether all that names a function in the project starts it elsewhere."""
    module = start.module
    if start.target is node:
        return True
    targets = {each.target for each in starts_in(module, project)}
    if not targets.issuperset(_names(module, node)):
        return False
    is_nested = module.scopes.function_of(node) is not None
    return is_nested or all(path == module.path for path in project.mentioning(node.name))


def _names(module: Module, node: ast.FunctionDef) -> list[ast.expr]:
    """Return the expressions of the module that may name a function."""
    if isinstance(module.scopes.parents.get(node), ast.ClassDef):
        every = module.scopes.nodes(ast.Attribute)
        return [each for each in every if each.attr == node.name]
    return list(module.scopes.scope_of(node).reads.get(node.name, []))
