"""Aliases of `current_app` that are looked up where there is no application to find."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Applicability, Fix, InsertStatement, ReplaceExpression
from flask_ctxfix.codemods.threads.starts import Start
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.spelling import is_free

APP = "flask.current_app"
_TAKEN = "app_obj"
_UNWRAP = "_get_current_object"


def proxy_of(module: Module, project: Project, node: ast.expr) -> str | None:
    """Return the qualified name of the proxy that an expression stands for."""
    value = ContextFlow.of(project).values.of(module, node)
    return value.name if isinstance(value, Foreign) and value.name in PROXIES else None


def local_alias(module: Module, name: ast.Name) -> Binding | None:
    """Return the one assignment, in a function, that gives a variable its value."""
    home = module.scopes.home_of(name)
    bindings = home.bindings.get(name.id, [])
    if len(bindings) != 1 or not isinstance(home.node, FunctionNode):
        return None
    statement = bindings[0].node
    is_plain = isinstance(statement, ast.AnnAssign) or (
        isinstance(statement, ast.Assign) and len(statement.targets) == 1
    )
    return bindings[0] if is_plain and bindings[0].value is not None else None


def source_of(module: Module, node: ast.expr) -> ast.expr | None:
    """Return the expression to put the application in the place of, if it can be changed.

    A variable gets it where it is assigned, so that all that use it do.
    """
    if isinstance(node, ast.Name):
        alias = local_alias(module, node)
        if alias is not None and alias.value is not None:
            is_second = isinstance(alias.value, ast.Name) and local_alias(module, alias.value)
            if is_second or _is_unwrapped(module, node):
                return None
            return source_of(module, alias.value)
    return node if isinstance(node, ast.Name | ast.Attribute | ast.Call) else None


def real_application(module: Module, node: ast.expr) -> ReplaceExpression:
    """Return the edit that puts the application in the place of its proxy."""
    return ReplaceExpression(module.span(node), f"{module.segment(node)}.{_UNWRAP}()")


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
    aliases = aliases_in(start, project)
    if not aliases:
        return _import_fix(start, summary, where)
    sources = dict.fromkeys(source_of(start.module, name) for name in aliases)
    edits = []
    places = []
    for source in sources:
        if source is None:
            return None
        edits.append(real_application(start.module, source))
        places.append(ContextFlow.of(project).reachability.of(start.module, source).where)
    if Where.OUTSIDE in places:
        return None
    applicability: Applicability = "safe" if all(place.is_inside for place in places) else "unsafe"
    return Fix(applicability, f"use `{edits[0].code}`", tuple(edits))


def _import_fix(start: Start, summary: Summary, where: Where) -> Fix | None:
    """Return the fix for a nested target that opens the context of an imported proxy."""
    module, node = start.module, start.nested
    if node is None or not is_free(module, node, _TAKEN):
        return None
    proxies = opened_proxies(module, node, summary)
    names = {each.id for each in proxies if isinstance(each, ast.Name)}
    if len(names) != 1:
        return None
    real = f"{names.pop()}.{_UNWRAP}()"
    taken = InsertStatement(module.span(node), f"{_TAKEN} = {real}", "before")
    used = (ReplaceExpression(module.span(proxy), _TAKEN) for proxy in proxies)
    is_certain = all(use.is_certain for use in summary.uses)
    applicability: Applicability = "safe" if is_certain and where.is_inside else "unsafe"
    return Fix(applicability, f"use `{real}`", (taken, *used))


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
            alias = local_alias(start.module, name)
            home = scopes.home_of(name)
            if alias is not None and home.node in around:
                yield name


def _is_unwrapped(module: Module, name: ast.Name) -> bool:
    """Whether something asks a variable for what stands behind it."""
    reads = module.scopes.home_of(name).reads.get(name.id, [])
    parents = (module.scopes.parents.get(read) for read in reads)
    return any(isinstance(each, ast.Attribute) and each.attr == _UNWRAP for each in parents)
