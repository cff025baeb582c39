"""The path of data that is kept: what one request reads and writes, and where another reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow import ContextFlow, Reach, Where
from flask_ctxfix.context_flow.paths import path_to
from flask_ctxfix.context_flow.request_datum import Datum
from flask_ctxfix.context_flow.starts import Start, starts_by_function, starts_in
from flask_ctxfix.context_flow.values import Class
from flask_ctxfix.flask_facts import TEST_CASES
from flask_ctxfix.module import Module, NodeKey
from flask_ctxfix.project import Project
from flask_ctxfix.statements import statement_of
from flask_ctxfix.steps import function_at, step_at

Read = tuple[Module, ast.AST]
Reads = Iterable[Read]
# Where code runs for each request, at its end too.
_SERVING = frozenset({Where.REQUEST, Where.ENDING})
# What a request comes to when it reads what another one has kept.
_GETS = "may get what request A wrote"


def path_of_write(
    module: Module,
    project: Project,
    node: ast.AST,
    datum: Datum,
    read: Read | None,
    says: str = "",
) -> tuple[Step, ...]:
    """Return the path of `datum` to the write at `node`, and on to where another request reads it.

    Each begins at what Flask calls, and that of the write goes over what is read of the request;
    `says` is what makes it one for other requests, too.
    """
    written = _statement_that_writes(module, node)
    whole = step_at(module, written, "write", message=says)
    before = _not_shown(datum.steps, whole)
    reachability = ContextFlow.of(project).reachability
    start = _start_in(before, module, project, node)
    if start is None:
        path = path_to(_reach_of_data(before, module, project, node), *before, whole)
    else:
        until = before.index(start.step) + 1
        there = (*before[until:], whole)
        path = path_to(start.reach(project), *before[:until], then=there)
    if read is None:
        return path
    home, reading = read
    step = step_at(home, reading, "read", message=_GETS)
    return one_after_the_other(path, path_to(reachability.of(home, reading), step))


def _reach_of_data(steps: list[Step], module: Module, project: Project, node: ast.AST) -> Reach:
    """Return how the code is reached that reads the data, or else the code that writes it.

    What calls the writing function may be other requests, which pass something else.
    """
    reachability = ContextFlow.of(project).reachability
    first = steps[0] if steps and steps[0].role == "read" else None
    found = function_at(module, project, first.function) if first and first.function else None
    if found is not None and found[1] is not module.scopes.function_of(node):
        reach = reachability.of_function(*found)
        if reach.where is Where.REQUEST:
            return reach
    return reachability.of(module, node)


def _start_in(steps: list[Step], module: Module, project: Project, node: ast.AST) -> Start | None:
    """Return the start of the work around `node` over which data came there, if it did."""
    function = module.scopes.function_of(node)
    if function is None or not any(step.role == "boundary" for step in steps):
        return None
    started = starts_by_function(project).get(module.key_of(function), ())
    return next((each for each in started if each.step in steps), None)


def one_after_the_other(first: tuple[Step, ...], second: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the path of two requests, of which the second gets what the first has left."""
    own = (step._replace(request="A") for step in first)
    return (*own, *(step._replace(request="B") for step in second))


def _statement_that_writes(module: Module, node: ast.AST) -> ast.AST:
    """Return the whole assignment to a target; a call as it is."""
    statement = statement_of(module, node)
    is_target = isinstance(getattr(node, "ctx", None), ast.Store)
    is_assignment = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
    return statement if is_target and is_assignment else node


def _not_shown(steps: Iterable[Step], whole: Step) -> list[Step]:
    """Return the steps that the code of the last one does not show by itself."""
    left = [step for step in steps if step.role != "read" or not _is_within(step, whole)]
    while left and _is_within(left[-1], whole):
        left.pop()
    return left


def _is_within(step: Step, whole: Step) -> bool:
    start, end = (whole.row, whole.column), (whole.end_row, whole.end_column)
    is_inside = start <= (step.row, step.column) and (step.end_row, step.end_column) <= end
    return step.filename == whole.filename and is_inside


def read_by_another(module: Module, project: Project, node: ast.AST, reads: Reads) -> Read | None:
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
            return home, read
    return None


def may_be_in_request(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code may serve a request, not only use the context of a test request."""
    where = _where(module, project, node)
    return where in _SERVING or (
        where is Where.UNKNOWN and not _is_in_test_case(module, project, node)
    )


def serves_requests(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code serves requests for certain."""
    return _where(module, project, node) in _SERVING


def _is_in_test_case(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether code is in a class of tests, whatever its file is called."""
    values = ContextFlow.of(project).values
    return any(
        not TEST_CASES.isdisjoint(values.base_names(Class(module, each)))
        for each in module.scopes.ancestors(node)
        if isinstance(each, ast.ClassDef)
    )


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
