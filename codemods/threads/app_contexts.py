"""The fix that lets a target run in an app context of its own."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Applicability, Edit, Fix, InsertStatement, WrapBody
from flask_ctxfix.codemods.threads.spelling import flask_name_at, is_free
from flask_ctxfix.codemods.threads.starts import Start, starts_in
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow.values import Foreign, Function, own_nodes
from flask_ctxfix.project import Module, Project

_CHANGES = "open an app context around its body; its teardown functions run when the body ends"


def app_context_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if there is an application to take and a body to put under its context."""
    value = start.value
    node = value.node if isinstance(value, Function) else None
    if (
        not isinstance(node, ast.FunctionDef)
        or node.decorator_list
        or start.starter.kind == "process"
    ):
        return None
    assert isinstance(value, Function)
    if value.module is not start.module or not _can_be_wrapped(node, summary):
        return None
    is_only_target = _is_only_target(start, project, node)
    is_certain = any(use.is_certain for use in summary.uses)
    around = start.module.scopes.function_of(node)
    app = _module_app(start.module, project)
    if app is not None and _sees(start.module, node, app):
        safe = is_certain and is_only_target
        return _wrapped(start.module, node, app, (), safe=safe)
    if around is None or around is not start.module.scopes.function_of(start.call):
        return None
    if not is_only_target or not is_free(start.module, node, "app"):
        return None
    spelled = flask_name_at(start.module, project, node, "current_app")
    if spelled is None or where is Where.OUTSIDE:
        return None
    taken = InsertStatement(
        start.module.span(node), f"app = {spelled[0]}._get_current_object()", "before"
    )
    safe = is_certain and where in (Where.REQUEST, Where.APP)
    fix = _wrapped(start.module, node, "app", (taken,), safe=safe)
    return Fix(fix.applicability, fix.message, fix.edits, spelled[1])


def _wrapped(
    module: Module, node: ast.FunctionDef, app: str, before: tuple[Edit, ...], *, safe: bool
) -> Fix:
    applicability: Applicability = "safe" if safe else "unsafe"
    wrap = WrapBody(module.span(node), f"with {app}.app_context():")
    return Fix(applicability, _CHANGES, (*before, wrap))


def _can_be_wrapped(node: ast.FunctionDef, summary: Summary) -> bool:
    """Whether a body may run in an app context, and gets all it needs from it."""
    if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in own_nodes(node)):
        return False
    return not any(use.attribute == "app_context" for use in summary.uses) and not any(
        use.of == "flask.g" and use.access in ("read", "call") for use in summary.uses
    )


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
    if isinstance(module.scopes.parents.get(node), ast.ClassDef):
        return False
    targets = {each.target for each in starts_in(module, project)}
    scope = module.scopes.scope_of(node)
    if not targets.issuperset(scope.reads.get(node.name, [])):
        return False
    if scope.parent is not None:
        return True
    return all(path == module.path for path in project.mentioning(node.name))
