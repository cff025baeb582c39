"""Whether a view reads an uploaded file after a start: the end of a copy closes all of them."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.threads.made_copies import is_file, is_files
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.flask_facts import TOLD_WHEN_CLOSED
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import way_out
from flask_ctxfix.syntax import LOOPS


def are_read_after(module: Module, node: ast.AST, project: Project) -> bool:
    """Whether the function around a node, or one that calls it, goes on to read an upload."""
    seen: set[ast.AST] = set()
    left: list[tuple[Module, ast.AST]] = [(module, node)]
    while left:
        home, place = left.pop()
        around = home.scopes.function_of(place)
        if not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if _reads_after(home, place, around, project):
            return True
        if around not in seen:
            seen.add(around)
            left += ContextFlow.of(project).every_caller.references(home, around)
    return False


def _reads_after(module: Module, node: ast.AST, around: ast.AST, project: Project) -> bool:
    loops = (each for each, _ in way_out(module, node) if isinstance(each, LOOPS))
    begin = min((module.span(each).start for each in loops), default=module.span(node).end)
    return any(
        module.span(each).end > begin
        for each in ast.walk(around)
        if isinstance(each, ast.expr) and _reads(module, each, project)
    )


def _reads(module: Module, node: ast.expr, project: Project) -> bool:
    """Whether an expression is the uploads of a request, or a variable that holds one of them."""
    if not isinstance(node, ast.Name):
        return is_files(module, node, project)
    if getattr(module.scopes.parents[node], "attr", "") in TOLD_WHEN_CLOSED:
        return False
    bound = module.scopes.home_of(node).bindings.get(node.id, ())
    return isinstance(node.ctx, ast.Load) and any(
        each.value is not None and is_file(module, each.value, project) for each in bound
    )
