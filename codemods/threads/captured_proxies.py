"""Aliases of `current_app` that are looked up where there is no application to find."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Fix, InsertStatement, ReplaceExpression
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow.proxies import proxy_of
from flask_ctxfix.context_flow.starts import Start, starts_in
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.local_names import only_assignment
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.only_use import is_only_started
from flask_ctxfix.obligations.same_context import is_in_same_context
from flask_ctxfix.obligations.same_value import variable_may_be_set
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.spelling import is_free

APP = "flask.current_app"
_TAKEN = "app_obj"
UNWRAP = "_get_current_object"


def lasting_proxy_of(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return the name of the proxy that a name certainly stands for, whatever has run before."""
    seen = {node}
    left = [(module, node)]
    while left:
        home, each = left.pop()
        if proxy_of(home, project, each) is None or not _is_lasting(home, project, each):
            return None
        bound = project.bindings(home, each)
        new = [(owner, b.value) for owner, b in bound if b.value and b.value not in seen]
        seen.update(value for _, value in new)
        left += new
    return proxy_of(module, project, node)


def _is_lasting(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether nothing gives a name another value: only names of modules and functions can be known.

    Attributes of objects may be set from anywhere. What it is assigned is not looked at.
    """
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    bindings = project.bindings(module, node)
    if not bindings:
        return isinstance(node, ast.Name) or _is_of_package(module, project, node.value)
    if any(each.kind != "import" and each.value is None for _, each in bindings):
        return False
    is_shared = any(_is_of_module(owner, binding) for owner, binding in bindings)
    names = {binding.name for _, binding in bindings}
    return not is_shared or not any(variable_may_be_set(project, name) for name in names)


def _is_of_module(owner: Module, binding: Binding) -> bool:
    """Whether an assignment makes a variable of a module, which others may assign to again."""
    is_assigned = binding.kind == "assign"
    return is_assigned and owner.scopes.function_of(binding.node) is None


def _is_of_package(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether a name is that of a module from outside of the project."""
    name = ContextFlow.of(project).values.name_of(module, node)
    return bool(name) and "()" not in name and name not in PROXIES


def runs_only_elsewhere(start: Start, project: Project) -> bool:
    """Whether nothing but the starts of a module names the function that runs elsewhere."""
    function, module = start.function, start.module
    if function is None or function.module is not module or function.receiver is not None:
        return False
    node = function.node
    if isinstance(node, ast.Lambda):
        return start.callable is node
    is_local = module.scopes.scope_of(node).parent is not None
    return is_local and is_only_started(module, project, node)


def real_application(module: Module, node: ast.expr) -> ReplaceExpression:
    """Return the edit that puts the application in the place of its proxy."""
    return ReplaceExpression(module.span(node), f"{module.segment(node)}.{UNWRAP}()")


def aliases_in(start: Start, project: Project) -> list[ast.Name]:
    """Return the reads of variables around a target that are the proxy of the application."""
    return [name for name in _captured(start) if proxy_of(start.module, project, name) == APP]


def are_of_aliases(start: Start, project: Project, summary: Summary) -> bool:
    """Whether all that a target lacks is what stands behind aliases of `current_app`."""
    if not summary.uses or any(
        use.of != APP or "current_app" in use.name.split(".") for use in summary.uses
    ):
        return False
    is_opened = all(use.attribute == "app_context" for use in summary.uses)
    return is_opened or bool(aliases_in(start, project))


def alias_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix that lets a target use the application itself."""
    if where is Where.OUTSIDE or start.starter.kind == "process":
        return None
    if not runs_only_elsewhere(start, project):
        return None
    aliases = aliases_in(start, project)
    if not aliases:
        return _import_fix(start, project, summary, where)
    edits: list[ReplaceExpression] = []
    places: list[Where] = [where]
    for source in dict.fromkeys(_source_of(start, project, name) for name in aliases):
        if source is None or not is_in_same_context(source, start.call, start.module, project):
            return None
        edits.append(real_application(start.module, source))
        places.append(ContextFlow.of(project).every_caller.of(start.module, source).where)
    if Where.OUTSIDE in places:
        return None
    doubt = _doubt(start, summary, places)
    return Fix(f"use `{edits[0].code}`", tuple(edits), unsafe_reason=doubt)


def _source_of(start: Start, project: Project, name: ast.Name) -> ast.expr | None:
    """Return what a variable is assigned, if only what is started reads it."""
    module = start.module
    alias = only_assignment(module, name)
    if alias is None or lasting_proxy_of(module, project, name) != APP:
        return None
    if isinstance(alias.value, ast.Name) and only_assignment(module, alias.value):
        return None
    started = {
        each.function.node
        for each in starts_in(module, project)
        if each.function is not None and runs_only_elsewhere(each, project)
    }
    reads = module.scopes.home_of(name).reads.get(name.id, [])
    are_started = all(started.intersection(module.scopes.ancestors(read)) for read in reads)
    return alias.value if are_started else None


def _doubt(start: Start, summary: Summary, places: list[Where]) -> str | None:
    """Return why the application itself may not do."""
    if not all(place.is_inside for place in places):
        return "the start may run outside an app context, where the fix raises RuntimeError"
    return (
        None
        if _is_certain(start, summary)
        else "not every run of the function uses the application"
    )


def _is_certain(start: Start, summary: Summary) -> bool:
    """Whether a target fails in every run, at the latest where it would use the application."""
    return not start.runs_late and any(use.is_certain for use in summary.uses)


def _import_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix for a nested target that opens the context of an imported proxy."""
    module, node = start.module, start.nested
    if node is None or not is_free(module, node, _TAKEN):
        return None
    if not is_in_same_context(node, start.call, module, project):
        return None
    proxies = opened_proxies(module, node, summary)
    names = {each.id for each in proxies if isinstance(each, ast.Name)}
    if len(names) != 1:
        return None
    if not all(lasting_proxy_of(module, project, each) == APP for each in proxies):
        return None
    real = f"{names.pop()}.{UNWRAP}()"
    taken = InsertStatement(module.span(node), f"{_TAKEN} = {real}", "before")
    used = (ReplaceExpression(module.span(proxy), _TAKEN) for proxy in proxies)
    doubt = _doubt(start, summary, [where])
    return Fix(f"use `{real}`", (taken, *used), unsafe_reason=doubt)


def opened_proxies(module: Module, function: ast.AST, summary: Summary) -> list[ast.expr]:
    """Return the proxies whose context a function opens; none if it lacks anything else."""
    spans = {use.span for use in summary.uses if use.attribute == "app_context"}
    if None in spans or len(spans) < len(summary.uses):
        return []
    return [
        each.value
        for each in ast.walk(function)
        if isinstance(each, ast.Attribute)
        and each.attr == "app_context"
        and module.span(each) in spans
    ]


def _captured(start: Start) -> Iterator[ast.Name]:
    """Yield the reads of variables of the functions around a target."""
    function = start.function
    if function is None or function.module is not start.module:
        return
    scopes, node = start.module.scopes, function.node
    around = set(scopes.ancestors(node))
    for name in ast.walk(node):
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load):
            alias = only_assignment(start.module, name)
            home = scopes.home_of(name)
            if alias is not None and home.node in around:
                yield name
