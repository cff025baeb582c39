"""The fixes for copies of a context that do not have what runs in them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flask_ctxfix.codemod import (
    Edit,
    Fix,
    InsertStatement,
    KeepBlock,
    Need,
    RemoveDecorator,
    ReplaceExpression,
)
from flask_ctxfix.codemods.threads.copies import read_before, why_not
from flask_ctxfix.codemods.threads.made_copies import COPY, Copy
from flask_ctxfix.context_flow import ContextFlow, Use, Where
from flask_ctxfix.context_flow.said_uses import listed, of_function
from flask_ctxfix.context_flow.starts import Start, is_deferred
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.flask_facts import BODY_READS, FORM_READS, WHOLE_BODY_READS
from flask_ctxfix.insertion_points import is_first_on_line
from flask_ctxfix.obligations.names_on_g import is_missing_on_g
from flask_ctxfix.obligations.only_use import is_only_started
from flask_ctxfix.obligations.set_between import set_between
from flask_ctxfix.obligations.which_application import has_one_application
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.spelling import flask_name_at
from flask_ctxfix.statements import own_nodes
from flask_ctxfix.value_reads import free_names, moving_edits, read_of

_ONE_COPY = "the starts no longer share one copy, which other code may rely on"
_KEPT = "the request caches what was read"
_WAITS = "the view always reads the whole body, and waits for it"
_HAS_ONE = "the copied context includes an app context"
_LATER = "what the block stores on `g` is kept until the copied context ends"


def moved_decorator(copy: Copy, project: Project) -> Fix | None:
    """Return the fix that makes a copy for each start, not one where the function is defined.

    For functions of a module that are only ever started, inside of requests.
    """
    module, function, node = copy.module, copy.function, copy.definition
    if function is None or node is None or node.decorator_list != [copy.maker]:
        return None
    if not isinstance(module.scopes.parents[node], ast.Module) or is_deferred(function):
        return None
    starts = copy.starts(project)
    if not starts or not is_only_started(module, project, node):
        return None
    if not all(_can_be_copied(each, function, project) for each in starts):
        return None
    edits: list[Edit] = [RemoveDecorator(module.span(copy.maker))]
    needs: list[Need] = []
    for start in starts:
        spelled = flask_name_at(module, project, start.target, COPY)
        if spelled is None:
            return None
        span = module.span(start.target)
        edits.append(ReplaceExpression(span, f"{spelled[0]}(target)", (("target", span),)))
        needs += spelled[1]
    changes = "copy the context at each start, inside the request"
    each = tuple(dict.fromkeys(needs))
    return Fix(changes, tuple(edits), each, unsafe_reason=_ONE_COPY)


def _can_be_copied(start: Start, function: Function, project: Project) -> bool:
    summary = ContextFlow.of(project).needs.of(function)
    if start.starter.passing == "each":
        return False
    reason = why_not(replace(start, value=function), project, summary)
    return reason is None and start.reach(project).where is Where.REQUEST


def values_of_g(
    function: Function, copies: Sequence[Copy], uses: Sequence[Use], project: Project
) -> Fix | None:
    """Return the fix that reads values off `g` before the function that needs them is defined."""
    module, node = function.module, function.node
    around = module.scopes.function_of(node)
    if not isinstance(node, ast.FunctionDef) or around is None:
        return None
    if isinstance(module.scopes.parents[node], ast.ClassDef):
        return None
    if any(module.scopes.function_of(use) is not around for copy in copies for use in copy.uses):
        return None
    names = {use.attribute for use in uses}
    behind = set_between(module, project, node, module.span(node).end, module.span(around).end)
    if any(isinstance(each, ast.Attribute) and each.attr in names for each in behind):
        return None
    reads = []
    for use in uses:
        read = read_of(module, node, use)
        if read is None or (read.may_fail and not use.is_certain):
            return None
        if is_missing_on_g(use, project):
            return None
        reads.append(read)
    named = free_names(module, node, reads)
    if named is None:
        return None
    edits = tuple(moving_edits(module, node, reads, named))
    codes = listed(read.written(module) for read in reads)
    changes = f"read {codes} before `{node.name}` is defined"
    doubt = of_function(
        function, f"the fix reads {codes} before {{}} runs, and misses later changes"
    )
    return Fix(changes, edits, unsafe_reason=doubt)


def body_read_before(copies: Sequence[Copy], project: Project, late: set[str]) -> Fix | None:
    """Return the fix that reads the body of the request before each start."""
    if late & (BODY_READS - WHOLE_BODY_READS - FORM_READS):
        return None
    read = "form" if late <= FORM_READS else "get_data()"
    edits: list[Edit] = []
    needs: list[Need] = []
    for copy in copies:
        starts = copy.starts(project)
        if len(starts) != len(copy.uses):
            return None
        for start in starts:
            spelled = flask_name_at(copy.module, project, start.call, "request")
            at = start.statement
            if spelled is None or at is None or not is_first_on_line(copy.module, at):
                return None
            span = copy.module.span(at)
            edits.append(InsertStatement(span, f"{spelled[0]}.{read}", "before"))
            needs += spelled[1]
    changes = f"read `request.{read}` in the view, before the thread starts"
    unique = tuple(dict.fromkeys(edits))
    if not unique:
        return None
    each = tuple(dict.fromkeys(needs))
    return Fix(changes, unique, each, notes=(_KEPT,), unsafe_reason=_WAITS)


def has_read_body(copy: Copy, project: Project, attributes: set[str]) -> bool:
    """Whether the body was read before each start, so that the request still has it."""
    starts = copy.starts(project)
    return bool(starts) and all(attributes <= read_before(each, project) for each in starts)


def without_app_context(function: Function, node: ast.With, project: Project) -> Fix | None:
    """Return the fix that lets the body of a ``with app.app_context():`` run without it."""
    values = ContextFlow.of(project).values
    item = node.items[0]
    call = item.context_expr
    if len(node.items) > 1 or item.optional_vars is not None:
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    app = values.of(function.module, call.func.value, function.given)
    if app != Foreign("flask.current_app") and not (
        app == Foreign("flask.Flask()") and has_one_application(project)
    ):
        return None
    names = (each for each in own_nodes(node) if isinstance(each, ast.Name | ast.Attribute))
    if any(values.of(function.module, each) == Foreign("flask.g") for each in names):
        return None
    edit = KeepBlock(function.module.span(node), "body")
    return Fix(
        "remove the `with`, and keep its block", (edit,), notes=(_HAS_ONE,), unsafe_reason=_LATER
    )
