"""Whether all uses of what code keeps on the application are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.applications import constructions
from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Function, passed_arguments
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.which_application import is_application
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import arguments_of, last_name


def why_not_all_known(name: str, module: Module, project: Project) -> list[str]:
    """Return why something else than the uses seen may be one of this attribute of the app."""
    values = ContextFlow.of(project).values
    unknown = [
        f"`{module.segment(node)}` may be the one of the application"
        for node in module.scopes.attributes.get(name, ())
        if last_name(node.value) in _names(project) and values.of(module, node.value) is None
    ]
    return [*unknown, *project.memo("uses of the application", lambda: [*_why_not(project)])]


def _names(project: Project) -> frozenset[str]:
    """Return the names by which code may know the application: where it goes from hand to hand."""

    def compute() -> frozenset[str]:
        modules = list(project.parsed(sorted(project.paths)))
        found = {name for each in modules for name in _named_directly(each, project)}
        kept = [pair for each in modules for pair in _kept_under(each)]
        known: set[str] = set()
        while known != found:
            known = set(found)
            found |= {target for target, value in kept if value in known}
        return frozenset(found)

    return project.memo("names of the application", compute)


def _named_directly(module: Module, project: Project) -> Iterator[str]:
    """Yield the variables that are the application, and the parameters that a call gives it."""
    values = ContextFlow.of(project).values
    for scope in module.scopes.every:
        for name, bindings in scope.bindings.items():
            for value in (each.value for each in bindings):
                if isinstance(value, ast.Call) and is_application(module, project, value):
                    yield name
    for call in (each for calls in module.scopes.calls.values() for each in calls):
        given = [each for each in arguments_of(call) if isinstance(each, ast.Name | ast.Attribute)]
        called = values.of(module, call.func) if given else None
        if isinstance(called, Function):
            for name, argument in passed_arguments(call, called):
                if argument in given and is_application(module, project, argument):
                    yield name


def _kept_under(module: Module) -> Iterator[tuple[str, str]]:
    """Yield the names that something of another name is assigned to: ``self.app = app``."""
    for node in module.scopes.nodes(ast.Assign):
        for target in node.targets:
            pair = last_name(target), last_name(node.value)
            if pair[0] and pair[1]:
                yield pair


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
