"""The path of data that is kept: what one request reads and writes, and where another reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.request_datum import Datum
from flask_ctxfix.context_flow.starts import starts_in
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at

Reads = Iterable[tuple[Module, ast.AST]]


def path_of_write(
    module: Module,
    project: Project,
    node: ast.AST,
    datum: Datum,
    read: Step | None,
    says: str = "for all requests",
) -> tuple[Step, ...]:
    """Return the path of `datum` to the write at `node`, and on to where another request reads it.

    It begins at what Flask calls, and goes over what is read of the request; `says` is what makes
    the write one for other requests, too.
    """
    reach = ContextFlow.of(project).reachability.of(module, node)
    path = path_to(reach, *datum.steps, step_at(module, node, "write", message=says))
    return path if read is None else (*path, read._replace(message="in another request"))


def read_by_another(module: Module, project: Project, node: ast.AST, reads: Reads) -> Step | None:
    """Return the read of what `node` writes that shows best how another request gets it.

    It is in another function, if any is, and in the same file.
    """
    around = module.scopes.function_of(node)
    found = sorted(
        (each for each in reads if not project.is_test(each[0].path)),
        key=lambda each: (each[0].scopes.function_of(each[1]) is around, each[0] is not module),
    )
    for home, read in found:
        if may_be_in_request(home, project, read):
            return step_at(home, read, "read")
    return None


def may_be_in_request(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code may serve a request, not only use the context of a test request."""
    return _where(module, project, node) in (Where.REQUEST, Where.UNKNOWN)


def _where(module: Module, project: Project, node: ast.AST) -> Where:
    """Return where code runs, without what a test request around it makes of that."""
    reachability = ContextFlow.of(project).reachability
    reach = reachability.of(module, node)
    if reach.where is not Where.REQUEST or reach.steps:
        return reach.where
    around = module.scopes.function_of(node)
    if around is None:
        return Where.OUTSIDE
    return reachability.of_function(module, around).where


def may_serve_request(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code may serve a request, or do in a thread what a request has started."""
    if may_be_in_request(module, project, node):
        return True
    started = _started_by_requests(project)
    pending = [(module, module.scopes.function_of(node))] if started else []
    seen = set()
    references = ContextFlow.of(project).reachability.references
    while pending:
        home, function = pending.pop()
        if function is None or (key := home.key_of(function)) in seen:
            continue
        if key in started:
            return True
        seen.add(key)
        if not isinstance(function, ast.Lambda):
            named = references(home, function)
            pending += ((other, other.scopes.function_of(each)) for other, each in named)
    return False


def _started_by_requests(project: Project) -> frozenset[NodeKey]:
    """Return the functions that run in threads, and the like, which a request starts."""

    def compute() -> Iterator[NodeKey]:
        for module in project.parsed(sorted(project.paths)):
            for start in starts_in(module, project):
                run = start.function
                if run is not None and _where(module, project, start.call) is Where.REQUEST:
                    yield run.module.key_of(run.node)

    return project.memo("started by requests", lambda: frozenset(compute()))
