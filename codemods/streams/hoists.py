"""The fix that reads values in the view, before or where it makes the stream."""

from __future__ import annotations

import ast
from typing import NamedTuple

from flask_ctxfix.codemod import Edit, Fix
from flask_ctxfix.codemods.streams.late_code import Late
from flask_ctxfix.codemods.streams.parameters import passing_edits
from flask_ctxfix.codemods.streams.streamed import Stream, is_view, streams_of
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.handled_errors import fallbacks
from flask_ctxfix.context_flow.said_uses import listed
from flask_ctxfix.context_flow.summaries import Use
from flask_ctxfix.context_flow.uses import writes_session
from flask_ctxfix.flask_facts import SAME_ANYWHERE, USERS
from flask_ctxfix.insertion_points import has_types_above, is_first_on_line
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.set_between import set_between
from flask_ctxfix.obligations.teardown import torn_down
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import before_in, simple_statement_of
from flask_ctxfix.value_reads import (
    Read,
    expression_of,
    free_names,
    is_readable_at,
    is_tried,
    moving_edits,
    read_of,
    survives_errors,
)
from flask_ctxfix.wording import fitting

_MAY_FAIL = "if a value is missing, the view fails instead of the stream"
_UNCERTAIN = "the stream may be made outside a request, and reading the values would fail there"
# What is read of these may be an object that works in its context only.
_OBJECTS = USERS | {"flask.g"}
_APP_NAMES = ("app", "flask_app")


class _Values(NamedTuple):
    """The values that a stream reads.

    `is_safe` says that all of them are there, and that no stream went on without them.
    """

    reads: list[Read]
    is_safe: bool


def values_fix(stream: Stream, project: Project) -> Fix | None:
    """Return the fix, if all that the stream needs a context for are values that can be moved."""
    part = stream.only
    around = _code_of(part) if part is not None else None
    if part is None or around is None:
        return None
    wheres = {each.reach(project).where for each in streams_of(part, project)}
    if not wheres <= {Where.REQUEST, Where.UNKNOWN}:
        return None
    values = _values_of(stream.module, project, around, part.summary.uses)
    if values is None or not _is_settled(part, project, values):
        return None
    edits = _edits_before(project, part, values) or passing_edits(project, part, values.reads)
    if edits is None:
        return None
    doubt = None if values.is_safe else _MAY_FAIL
    if not all(each.is_in_request(project) for each in streams_of(part, project)):
        doubt = _UNCERTAIN
    codes = listed(read.written(stream.module) for read in values.reads)
    before = f"read {codes} before the stream starts"
    them = "it" if len({read.written(stream.module) for read in values.reads}) == 1 else "them"
    changes = fitting(f"{before}, and pass {them} to the stream", before)
    return Fix(changes, tuple(edits), unsafe_reason=doubt)


def _is_settled(part: Late, project: Project, values: _Values) -> bool:
    """Whether no caller of what makes the streams can set a value behind that."""
    if not any(read.can_be_set for read in values.reads):
        return True
    makers = (part.module.scopes.function_of(each.root) for each in streams_of(part, project))
    return all(each is not None and is_view(part.module, project, each) for each in makers)


def _code_of(part: Late) -> FunctionNode | ast.GeneratorExp | None:
    """Return the code that runs late, if it stands in the module that streams it."""
    if isinstance(part.node, ast.GeneratorExp):
        return part.node
    function = part.function
    if function is None or function.module is not part.module:
        return None
    return None if getattr(function.node, "decorator_list", None) else function.node


def _values_of(
    module: Module, project: Project, around: ast.AST, uses: tuple[Use, ...]
) -> _Values | None:
    reads = []
    is_safe = True
    for use in uses:
        read = _app_of(module, around, use) or read_of(module, around, use)
        if read is None or writes_session(use) or not _is_as_written(module, read.chain):
            return None
        if use.of in _OBJECTS and _may_be_closed(module, project, read):
            return None
        if read.may_fail and not _is_got(read):
            if is_tried(module, project, around, read.chain):
                return None
            if not use.is_certain and use.of != "flask.g":
                return None
            is_safe = False
        is_safe = is_safe and not _has_fallback(module, project, around, read.chain)
        reads.append(read)
    return _Values(reads, is_safe) if reads else None


def _has_fallback(module: Module, project: Project, around: ast.AST, node: ast.expr) -> bool:
    """Whether code that runs late goes on to something else where there is no context."""
    values = ContextFlow.of(project).values
    return survives_errors(
        module, project, around, node, lambda each: fallbacks(values, module, each)
    )


def _app_of(module: Module, around: ast.AST, use: Use) -> Read | None:
    """Return the application, if a use is of what it gives wherever it is."""
    if use.of != "flask.current_app" or use.access == "write":
        return None
    if use.attribute not in SAME_ANYWHERE:
        return None
    node = expression_of(module, around, use)
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name | ast.Attribute):
        return None
    return Read(node.value, _APP_NAMES, False, is_app=True)


def _may_be_closed(module: Module, project: Project, read: Read) -> bool:
    """Whether something is more than a value, or is closed when the request ends."""
    if isinstance(module.scopes.parents[read.chain], ast.Attribute | ast.For | ast.comprehension):
        return True
    return not torn_down(project).isdisjoint(read.names)


def _is_got(read: Read) -> bool:
    """Whether a value is asked for with `get`, in what the view has at hand."""
    chain = read.chain
    if not isinstance(chain, ast.Call) or not isinstance(chain.func, ast.Attribute):
        return False
    return chain.func.attr == "get" and isinstance(chain.func.value, ast.Name)


def _is_as_written(module: Module, node: ast.expr) -> bool:
    """Whether the text where an expression should stand is its own (inside of long f-strings)."""
    try:
        return ast.dump(ast.parse(module.segment(node), mode="eval").body) == ast.dump(node)
    except SyntaxError:
        return False


def _edits_before(project: Project, part: Late, values: _Values) -> list[Edit] | None:
    """Return the edits that read the values in lines before what makes the code that runs late."""
    module = part.module
    at = _insertion_point(project, part, values)
    if at is None or not is_first_on_line(module, at) or has_types_above(module, at):
        return None
    if not all(is_readable_at(module, at, read.chain) for read in values.reads):
        return None
    is_settable = any(read.can_be_set for read in values.reads)
    if is_settable and set_between(module, project, part.node, module.span(at).start):
        return None
    named = free_names(module, at, values.reads)
    return list(moving_edits(module, at, values.reads, named)) if named is not None else None


def _insertion_point(project: Project, part: Late, values: _Values) -> ast.stmt | None:
    """Return the statement to read the values before, if one serves all streams of that code."""
    module = part.module
    statement = simple_statement_of(module, part.node)
    node = part.code
    if isinstance(node, ast.Lambda | ast.GeneratorExp):
        return statement if statement is not None and node in ast.walk(statement) else None
    if not isinstance(node, ast.FunctionDef) or statement is None:
        return None
    around = module.scopes.function_of(node)
    if around is None or around is not module.scopes.function_of(part.node):
        return None
    if isinstance(module.scopes.parents[node], ast.ClassDef):
        return None
    if any(read.may_fail for read in values.reads) and not _follows(module, node, statement):
        return None
    reads = module.scopes.scope_of(node).reads.get(node.name, [])
    return node if set(reads) <= set(_callees(part, project)) else None


def _callees(part: Late, project: Project) -> list[ast.expr]:
    """Return the expressions that name the same function to run it late, in streams."""
    found: list[ast.expr] = []
    for stream in streams_of(part, project):
        for call in (other.node for other in stream.parts):
            found += (call.func, *call.args[:1]) if isinstance(call, ast.Call) else ()
    return found


def _follows(module: Module, node: ast.FunctionDef, statement: ast.stmt) -> bool:
    """Whether a statement is the one right behind the definition of a function."""
    return before_in(module.scopes.parents[node], statement)[-1:] == [node]
