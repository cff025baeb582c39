"""What reads a stream, or the body of a response, while there still is a request."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Function, bound_arguments
from flask_ctxfix.flask_facts import BODY_CONSUMERS
from flask_ctxfix.project import Module, Project
from flask_ctxfix.syntax import last_name, without_call

_READERS = frozenset({"join", "list", "next", "set", "sorted", "tuple"})
# Of what reads a body, the names that nothing else has.
_OF_BODIES = frozenset({"add_etag", "freeze", "get_data"})
_AFTERWARDS = frozenset({"after_app_request", "after_request"})
_DEEPEST = 3


def is_read_at_once(module: Module, node: ast.expr, makers: tuple[ast.AST, ...] = ()) -> bool:
    """Whether what `node` makes runs where it stands: it is read there, or is for a ``with``.

    `makers` are the generator expressions that read each other on the way to it.
    """
    return any(_is_read(module, use, makers) for use in _uses_of(module, node))


def _is_read(module: Module, use: ast.expr, makers: tuple[ast.AST, ...]) -> bool:
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Call):
        return last_name(parent.func) in _READERS
    if isinstance(parent, ast.comprehension):
        maker = module.scopes.parents[parent]
        if parent.iter is not use or maker in makers:
            return False
        if isinstance(maker, ast.GeneratorExp):
            return is_read_at_once(module, maker, (*makers, maker))
        return True
    return isinstance(parent, ast.withitem) or (isinstance(parent, ast.For) and parent.iter is use)


def is_body_read(module: Module, project: Project, response: ast.expr, depth: int = 0) -> bool:
    """Whether the code that has a response goes on to read its body."""
    return any(_reads_of(module, project, use, depth) for use in _uses_of(module, response))


def _uses_of(module: Module, node: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression, and the reads of the variable that it is the value of."""
    yield node
    parent = module.scopes.parents[node]
    targets: list[ast.expr] = parent.targets if isinstance(parent, ast.Assign) else []
    if isinstance(parent, ast.withitem) and parent.optional_vars is not None:
        targets = [parent.optional_vars]
    for target in targets:
        if isinstance(target, ast.Name):
            yield from module.scopes.home_of(target).reads.get(target.id, ())


def _reads_of(module: Module, project: Project, use: ast.expr, depth: int) -> bool:
    parent = module.scopes.parents[use]
    if isinstance(parent, ast.Attribute):
        return parent.attr in BODY_CONSUMERS
    if isinstance(parent, ast.Return):
        return _is_read_by_decorator(module, project, parent)
    if isinstance(parent, ast.keyword):
        parent = module.scopes.parents[parent]
    return isinstance(parent, ast.Call) and _is_read_by(module, project, parent, use, depth)


def _is_read_by(
    module: Module, project: Project, call: ast.Call, use: ast.expr, depth: int
) -> bool:
    """Whether a function of the project reads the body of the response that a call gives it."""
    called = ContextFlow.of(project).values.of(module, call.func)
    if not isinstance(called, Function) or depth == _DEEPEST:
        return False
    home = called.module
    given = (name for name, argument in bound_arguments(call, called) if argument is use)
    reads = home.scopes.opened_by(called.node).reads
    return any(
        is_body_read(home, project, read, depth + 1) for name in given for read in reads[name]
    )


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
            for module in project.parsed(project.mentioning("after_request"))
            for function in module.scopes.nodes(ast.FunctionDef)
            if any(last_name(each) in _AFTERWARDS for each in function.decorator_list)
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
