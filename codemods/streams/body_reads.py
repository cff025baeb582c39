"""What reads a stream, or the body of a response, while there still is a request."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Function, passed_arguments
from flask_ctxfix.flask_facts import AFTER_REQUEST, BODY_CONSUMERS
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.waiting import uses_of
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name, without_call

# Of what reads a body, the names that nothing else has.
_OF_BODIES = frozenset({"add_etag", "freeze", "get_data"})


def is_body_read(module: Module, project: Project, response: ast.expr) -> bool:
    """Whether the code that has a response goes on to read its body."""
    seen: set[ast.expr] = {response}
    left = [(module, response)]
    while left:
        home, each = left.pop()
        for use in uses_of(home, each):
            if _is_body_read_by(home, project, use):
                return True
            new = [read for read in _reads_of(home, project, use) if read[1] not in seen]
            seen.update(read for _, read in new)
            left += new
    return False


def _is_body_read_by(module: Module, project: Project, use: ast.expr) -> bool:
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Attribute):
        return parent.attr in BODY_CONSUMERS
    return isinstance(parent, ast.Return) and _is_read_by_decorator(module, project, parent)


def _reads_of(module: Module, project: Project, use: ast.expr) -> Iterator[tuple[Module, ast.expr]]:
    """Yield the reads of the parameter of the project's that a call gives a response to."""
    call = module.scopes.call_with(use)
    if call is None:
        return
    called = ContextFlow.of(project).values.of(module, call.func)
    if not isinstance(called, Function):
        return
    home = called.module
    reads = home.scopes.opened_by(called.node).reads
    for name, argument in passed_arguments(call, called):
        if argument is use:
            yield from ((home, read) for read in reads.get(name, ()))


def _is_read_by_decorator(module: Module, project: Project, returned: ast.Return) -> bool:
    """Whether a decorator of the project reads the body of what its function returns."""
    values = ContextFlow.of(project).values
    for decorator in getattr(module.scopes.function_of(returned), "decorator_list", ()):
        value = values.of(module, without_call(decorator))
        if isinstance(value, Function):
            if _reads_a_body(value.module, project, value.node, _OF_BODIES):
                return True
    return False


def are_all_bodies_read(project: Project) -> bool:
    """Whether a hook of the project reads the body of every response while there is a request."""

    def search() -> bool:
        return any(
            _reads_a_body(module, project, statement, _OF_BODIES | {"data"})
            for name in sorted(AFTER_REQUEST)
            for module in project.parsed(project.naming(name))
            for function in module.scopes.nodes(ast.FunctionDef)
            if any(last_name(each) == name for each in function.decorator_list)
            for statement in function.body
            if not isinstance(statement, ast.If | ast.For | ast.While | ast.Try)
        )

    return project.memo("bodies are read", search)


def _reads_a_body(module: Module, project: Project, code: ast.AST, names: frozenset[str]) -> bool:
    """Whether code reads the body of something that is not a request, by one of these names."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in names
        and project.flask_name(module, node.value) != "request"
        for node in ast.walk(code)
    )
