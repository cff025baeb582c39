"""Which statements pop a context that was pushed in the same block, and whether a ``with`` does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal

from flask_ctxfix.codemod import Edit, KeepBlock, RemoveFinally, RemoveStatement
from flask_ctxfix.codemods.manual_contexts.pushes import Push
from flask_ctxfix.codemods.manual_contexts.wraps import wrap
from flask_ctxfix.context_flow.caught import catches_every_error, names_of
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import Record, replace
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import blocks_in, is_handling, leaves_turn, nodes_of, own_nodes

Kind = Literal["straight", "finally", "handler", "some errors"]
_TALKING_LINE = re.compile(r"^[ \t]*(try|finally)[ \t]*:[ \t]*#", re.MULTILINE)


class Closing(Record):
    """How a block pops what it pushed: the statements up to `last` run in the context.

    `edits` leave out what pops, `pops` are all calls that do; what comes under the ``with`` is
    `inside`, which begins at `first` if the push is not where the ``with`` can be.
    """

    kind: Kind
    last: ast.stmt
    inside: tuple[ast.stmt, ...]
    pops: tuple[ast.Call, ...]
    edits: tuple[Edit, ...]
    first: ast.stmt | None = None


def closing_of(push: Push, project: Project) -> Closing | None:
    """Return what pops the context of a push, if it is one of the forms that a ``with`` is."""
    if push.is_chained:
        return None
    block = push.block
    following = block[block.index(push.statement) + 1 :]
    closing = _following(push, following, project) or _around(push, following)
    if closing is None or any(_rebinds(push, each) for each in closing.inside):
        return None
    return closing


def rewritten(push: Push, closing: Closing) -> tuple[Edit, ...] | None:
    """Return the edits that make a ``with`` of a push and what pops its context."""
    kept = [node for use, node in push.uses() if use == "read" or not _is_of(push, closing, node)]
    wrapped = wrap(push, closing.last, kept, closing.first)
    return (*wrapped, *closing.edits) if wrapped is not None else None


def _is_of(push: Push, closing: Closing, node: ast.expr) -> bool:
    """Whether the receiver `node` is that of the push or of what pops its context."""
    pops = (call.func.value for call in closing.pops if isinstance(call.func, ast.Attribute))
    return node is push.receiver or any(node is each for each in pops)


def _following(push: Push, following: Sequence[ast.stmt], project: Project) -> Closing | None:
    """Return what among the statements after a push pops its context."""
    module = push.module
    early: list[tuple[ast.Expr, ast.Call]] = []
    for index, statement in enumerate(following):
        before = tuple(following[:index])
        pop = popping(push, statement)
        if pop is not None:
            if not before or not is_plain(pop):
                return None
            edits = tuple(RemoveStatement(module.span(each)) for each in (statement, *_of(early)))
            pops = (pop, *(call for _, call in early))
            return Closing("straight", statement, before, pops, edits)
        if isinstance(statement, ast.Try) and not early:
            after = following[index + 1] if index + 1 < len(following) else None
            closing = _of_finally(push, statement) or _of_handler(push, statement, after, project)
            if closing is not None:
                return replace(closing, inside=(*before, *closing.inside))
        found = _before_returns(push, statement)
        if found is None:
            return None
        early += found
    return None


def _of(early: Sequence[tuple[ast.Expr, ast.Call]]) -> Iterator[ast.Expr]:
    yield from (statement for statement, _ in early)


def _around(push: Push, following: Sequence[ast.stmt]) -> Closing | None:
    """Return the ``finally`` of the ``try`` that a push is the first statement of."""
    parent = push.module.scopes.parents[push.statement]
    if not isinstance(parent, ast.Try) or push.block is not parent.body or not following:
        return None
    if push.statement is not parent.body[0] or parent.handlers:
        return None
    closing = _of_finally(push, parent)
    if closing is None or _before_returns(push, parent.body[-1]) != []:
        return None
    return replace(closing, first=parent, inside=(*following, *parent.finalbody[:-1]))


def _of_finally(push: Push, statement: ast.Try) -> Closing | None:
    if not statement.finalbody:
        return None
    *others, end = statement.finalbody
    pop = popping(push, end)
    if pop is None or not is_plain(pop) or len(_pops_in(push, statement)) != 1:
        return None
    if not others and _TALKING_LINE.search(_without_blocks(push.module, statement)):
        return None
    span = statement if not others else end
    edit = RemoveStatement if others else RemoveFinally
    inside = (*statement.body, *statement.handlers, *statement.orelse, *others)
    edits = (edit(push.module.span(span)),)
    return Closing("finally", statement, inside, (pop,), edits)  # type: ignore[arg-type]


def _of_handler(
    push: Push, statement: ast.Try, after: ast.stmt | None, project: Project
) -> Closing | None:
    """Return ``except … as e: pop(e); raise`` with the ``pop()`` that goes with it."""
    module = push.module
    if len(statement.handlers) != 1 or statement.finalbody:
        return None
    (handler,) = statement.handlers
    if len(handler.body) != 2 or not _is_bare_raise(handler.body[1]):
        return None
    failing = popping(push, handler.body[0])
    end = statement.orelse[0] if len(statement.orelse) == 1 else after
    if failing is None or end is None or (statement.orelse and end is after):
        return None
    pop = popping(push, end)
    if pop is None or not is_plain(pop) or len(_pops_in(push, statement)) > 2:
        return None
    given = failing.args[0] if len(failing.args) == 1 else None
    is_own = isinstance(given, ast.Name) and given.id == handler.name
    header = module.text[module.span(statement).start : module.span(statement.body[0]).start]
    if (failing.args and not is_own) or _has_comment(module, statement):
        return None
    if _TALKING_LINE.search(header):
        return None
    edits: tuple[Edit, ...] = (KeepBlock(module.span(statement), "body"),)
    if end is after:
        edits = (*edits, RemoveStatement(module.span(end)))
    last = end if end is after else statement
    is_full = catches_every_error(names_of(module, project, handler.type))
    kind: Kind = "handler" if is_full else "some errors"
    return Closing(kind, last, tuple(statement.body), (failing, pop), edits)


def _without_blocks(module: Module, statement: ast.Try) -> str:
    """Return what of a ``try`` with a ``finally`` stands before its body and its last."""
    start, body = module.span(statement).start, module.span(statement.body[0]).start
    before = [*statement.body, *statement.handlers, *statement.orelse][-1]
    last, final = module.span(before).end, module.span(statement.finalbody[0]).start
    return module.text[start:body] + "\n" + module.text[last:final]


def _is_bare_raise(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) and statement.exc is None


def _has_comment(module: Module, statement: ast.Try) -> bool:
    """Whether a comment stands behind the body of a ``try``."""
    start = module.span(statement.body[-1]).end
    return "#" in module.text[start : module.span(statement).end]


def popping(push: Push, statement: ast.stmt) -> ast.Call | None:
    """Return the call if a statement pops the context of a push."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return call if isinstance(call, ast.Call) and is_pop(push, call) else None


def is_pop(push: Push, node: ast.AST) -> bool:
    """Whether a call pops the context of a push."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "pop" and push.is_same(called.value)


def is_plain(pop: ast.Call) -> bool:
    """Whether a context is popped without an exception, or with the one that is on its way."""
    if pop.keywords or len(pop.args) > 1:
        return False
    return not pop.args or ast.unparse(pop.args[0]) == "sys.exc_info()[1]"


def _pops_in(push: Push, statement: ast.stmt) -> list[ast.AST]:
    return [node for node in own_nodes(statement) if is_pop(push, node)]


def _before_returns(push: Push, statement: ast.stmt) -> list[tuple[ast.Expr, ast.Call]] | None:
    """Return what pops inside of a statement, if each stands before what leaves its block.

    None if there is another pop or push.
    """
    pops = _pops_in(push, statement)
    if any(is_handling(push.module, each, within=statement) for each in pops):
        return None
    pushed = (node for node in own_nodes(statement) if _is_push(push, node))
    found: list[tuple[ast.Expr, ast.Call]] = []
    for node in nodes_of([statement]):
        blocks = () if isinstance(node, FunctionNode | ast.ClassDef) else blocks_in(node)
        for each, after in chain.from_iterable(map(pairwise, blocks)):
            pop = popping(push, each)
            if isinstance(each, ast.Expr) and pop is not None and is_plain(pop):
                if _leaves(push.module, after, statement):
                    found.append((each, pop))
    return found if len(found) == len(pops) and not any(True for _ in pushed) else None


def _is_push(push: Push, node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(called, ast.Attribute) and called.attr == "push" and push.is_same(called.value)
    )


def _leaves(module: Module, statement: ast.stmt, outermost: ast.stmt) -> bool:
    """Whether a statement leaves the whole run of statements, needing no context for that."""
    if isinstance(statement, ast.Return):
        return _is_simple(statement.value)
    return leaves_turn(module, statement, outermost)


def _is_simple(value: ast.expr | None) -> bool:
    """Whether a value is the same in and outside of the context."""
    return value is None or isinstance(value, ast.Constant | ast.Name)


def _rebinds(push: Push, statement: ast.AST) -> bool:
    """Whether a statement gives what holds the context another value."""
    return any(
        isinstance(node, ast.Name | ast.Attribute)
        and isinstance(node.ctx, ast.Store | ast.Del)
        and ast.unparse(node) == ast.unparse(push.receiver)
        for node in nodes_of([statement])
    )
