"""The fix that reads values before the start, where there still is a request."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Fix
from flask_ctxfix.codemods.threads.passed_arguments import passing_edits
from flask_ctxfix.context_flow import ContextFlow, Summary, Where
from flask_ctxfix.context_flow.said_uses import listed, of_function
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.insertion_points import is_first_on_line
from flask_ctxfix.obligations.names_on_g import is_missing_on_g
from flask_ctxfix.obligations.only_use import is_only_started
from flask_ctxfix.obligations.set_between import set_between
from flask_ctxfix.project import Project
from flask_ctxfix.spelling import is_free
from flask_ctxfix.value_reads import free_names, is_readable_at, is_tried, moving_edits, read_of

_MAY_FAIL = "the view fails if a value is missing, and later changes to the values are not seen"
_UNCERTAIN_START = "{} may be started outside a request, and reading the values would fail there"


def values_fix(start: Start, project: Project, summary: Summary, where: Where) -> Fix | None:
    """Return the fix, if all that the target needs a context for are values that can be moved."""
    module, function = start.module, start.function
    if where not in (Where.REQUEST, Where.UNKNOWN) or start.starter.kind == "process":
        return None
    if function is None or function is not start.value or function.module is not module:
        return None
    target = _module_function(start, function, project)
    at = _insertion_point(start, function) if target is None else start.statement
    if at is not None and ContextFlow.of(project).every_caller.of(module, at).where is not where:
        at = start.statement  # a test proves that there is a request at the start, and behind it
    if at is None or not is_first_on_line(module, at) or start.runs_late or not summary.uses:
        return None
    if module.scopes.scope_of(at).is_class:
        return None  # functions do not see the names of a class body
    reads = []
    for use in summary.uses:
        read = read_of(module, function.node, use)
        if read is None or not is_readable_at(module, at, read.chain):
            return None
        if is_missing_on_g(use, project):
            return None
        if read.may_fail and not use.is_certain and use.of != "flask.g":
            return None
        if read.may_fail and is_tried(module, project, function.node, read.chain):
            return None
        setting = _setting(start, project, at) if read.can_be_set else ()
        if not all(isinstance(each, ast.Call) for each in setting):
            return None
        reads.append(read._replace(may_fail=True) if setting else read)
    named = free_names(module, at, reads)
    if named is None:
        return None
    edits = tuple(moving_edits(module, at, reads, named))
    if target is not None:
        if not all(is_free(module, target, name) for name in named.values()):
            return None
        passed = passing_edits(start, project, target, {name: name for name in named.values()})
        if not passed:
            return None
        edits = (*edits, *passed)
    reason = _MAY_FAIL if any(read.may_fail for read in reads) else None
    if where is not Where.REQUEST:
        reason = of_function(start.function, _UNCERTAIN_START)
    codes = listed(read.written(module) for read in reads)
    changes = f"read {codes} {before_start(start)}"
    return Fix(changes, edits, unsafe_reason=reason)


def before_start(start: Start) -> str:
    """Return how a sentence says that something happens before a start."""
    starter = start.starter
    if starter.kind == "pool" or (starter.kind == "process" and starter.passing != "tuple"):
        return "before submitting the task"
    return f"before starting the {start.starter.noun}"


def _insertion_point(start: Start, function: Function) -> ast.stmt | None:
    """Return the statement that the values are read before: what makes the function, or starts it.

    It is what starts it where that happens under a condition.
    """
    if isinstance(function.node, ast.Lambda):
        return start.statement if function.node is start.target else None
    nested, statement = start.nested if start.is_only_use else None, start.statement
    parents = start.module.scopes.parents
    if nested is None or statement is None or parents[statement] is parents[nested]:
        return nested
    return statement


def _module_function(start: Start, function: Function, project: Project) -> ast.FunctionDef | None:
    """Return the function of the module that is only started, and can be passed what it reads."""
    node, module = function.node, start.module
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return None
    is_global = module.scopes.parents.get(node) is module.tree
    return node if is_global and is_only_started(module, project, node) else None


def _setting(start: Start, project: Project, at: ast.stmt) -> list[ast.expr]:
    """Return what, between a function and its start, may set what it would read."""
    module, started = start.module, start.statement or start.call
    if at is started:
        return []
    begin, end = module.span(at).end, module.span(started).start
    return set_between(module, project, start.call, begin, end)
