"""Whether all uses of what code keeps on the application are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.applications import constructions
from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Function
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project


def why_not_all_known(project: Project) -> list[str]:
    """Return why something else than the attributes seen may stand for one of the application."""
    return project.memo("uses of the application", lambda: [*_why_not(project)])


def _why_not(project: Project) -> Iterator[str]:
    made = list(constructions(project))
    if len(made) != 1:
        yield "the project does not make exactly one application"
        return
    home, call = made[0]
    if isinstance(ContextFlow.of(project).values.of(home, call.func), Class):
        yield f"`{home.segment(call.func)}` may define the attribute itself"
    for module in project.parsed(sorted(project.paths)):
        for node in _given_on(module, project):
            yield f"code passes `{module.segment(node)}` itself to other code"


def _given_on(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield where code that may serve a request hands the application to what is not known."""
    scopes = module.scopes
    candidates: list[ast.Name | ast.Attribute] = [*scopes.nodes(ast.Name)]
    candidates += scopes.nodes(ast.Attribute)
    for node in candidates:
        if not isinstance(node.ctx, ast.Load) or scopes.function_of(node) is None:
            continue
        if _is_followed(module, project, node) or not is_application(module, project, node):
            continue
        if not project.is_test(module.path) and may_be_in_request(module, project, node):
            yield node


def _is_followed(module: Module, project: Project, node: ast.expr) -> bool:
    """Whether an expression is used for an attribute, or where its value is known again."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.Call) and parent.func is not node:
        called = ContextFlow.of(project).values.of(module, parent.func)
        return isinstance(called, Function)
    return isinstance(parent, ast.Attribute | ast.Assign)
