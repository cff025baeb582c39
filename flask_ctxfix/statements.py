"""How statements stand to each other: in which block, before what, in which loop and handler."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode, children
from flask_ctxfix.syntax import LOOPS

TRIES: tuple[type[ast.AST], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
# What evaluates some of its parts again and again.
REPEATING = (*LOOPS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# After one of these, the next statement of its block does not run.
LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without those of functions and classes defined in it."""
    pending = [node]
    while pending:
        current = pending.pop()
        for child in children(current):
            yield child
            if not isinstance(child, FunctionNode | ast.ClassDef):
                pending.append(child)


def nodes_of(block: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of statements, without those of functions and classes that they define."""
    for each in block:
        yield each
        if not isinstance(each, FunctionNode | ast.ClassDef):
            yield from own_nodes(each)


def blocks_in(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements that a node itself holds."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def block_of(parent: ast.AST, child: ast.AST) -> list[ast.stmt]:
    """Return the list of statements of a node that `child` is one of; empty if it is in none."""
    return next((block for block in blocks_in(parent) if child in block), [])


def statement_of(module: Module, node: ast.AST) -> ast.stmt:
    """Return the innermost statement that a node is, or is a part of."""
    around = (node, *module.scopes.ancestors(node))
    return next(each for each in around if isinstance(each, ast.stmt))


def simple_statement_of(module: Module, node: ast.AST) -> ast.stmt | None:
    """Return the statement that a node is a part of, if that runs it as a whole and only once."""
    found = statement_of(module, node)
    runs_with = module.scopes.function_of(found) is module.scopes.function_of(node)
    return found if runs_with and isinstance(found, _SIMPLE) else None


def way_out(module: Module, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield the nodes around `node` up to its function or class, each with that of its children."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode | ast.ClassDef):
            if not isinstance(parent, ast.Lambda) and child in parent.body:
                yield parent, child
            return
        yield parent, child
        child = parent


def before_in(parent: ast.AST, child: ast.AST) -> Sequence[ast.stmt]:
    """Return the statements that stand before `child` in its block of `parent`."""
    block = block_of(parent, child)
    return block[: block.index(child)] if block else ()  # type: ignore[arg-type]


def before(module: Module, node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of its function before a node: in its block, and those around that."""
    for parent, child in way_out(module, node):
        yield from before_in(parent, child)


def ends(block: Sequence[ast.stmt]) -> bool:
    """Whether code never goes on behind a block, as far as its last statement tells."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return False  # the manager may hide an error
    return isinstance(last, LEAVING)


def loops_around(module: Module, node: ast.AST) -> Iterator[ast.AST]:
    """Yield what, in the function of a node, may evaluate it again and again; innermost first."""
    return (parent for parent, _ in way_out(module, node) if isinstance(parent, REPEATING))


def is_handling(
    module: Module, node: ast.AST, *, within: ast.AST | None = None, finally_: bool = True
) -> bool:
    """Whether a node of a function runs while an error may be on its way: in an ``except``.

    A ``finally`` counts if `finally_`; only what stands `within` a node is looked at.
    """
    for parent, child in way_out(module, node):
        if isinstance(parent, ast.ExceptHandler):
            return True
        if finally_ and isinstance(parent, TRIES) and child in parent.finalbody:  # type: ignore[attr-defined]
            return True
        if parent is within:
            break
    return False


def is_endless(loop: ast.AST) -> bool:
    """Whether a loop has a test that is always true, and no way out but an error."""
    return isinstance(loop, ast.While) and _is_true(loop.test) and not has_way_out(loop)


def has_way_out(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Whether a statement of the body of a loop ends it, without an error."""
    return any(
        isinstance(each, ast.Return) or (is_own and isinstance(each, ast.Break))
        for each, is_own in _turns(loop.body, is_own=True)
    )


def leaves_turn(module: Module, statement: ast.AST, outermost: ast.AST) -> bool:
    """Whether a ``break`` or a ``continue`` is one of a loop around `outermost`."""
    if not isinstance(statement, ast.Break | ast.Continue) or isinstance(outermost, LOOPS):
        return False
    for each in (statement, *module.scopes.ancestors(statement)):
        if isinstance(each, LOOPS) or each is outermost:
            return each is outermost
    return True


def _is_true(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    return isinstance(test, ast.Constant) and bool(test.value)


def _turns(body: list[ast.stmt], *, is_own: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements of a loop, and whether a `break` there would leave that very loop."""
    for each in body:
        if isinstance(each, FunctionNode | ast.ClassDef):
            continue
        yield each, is_own
        is_loop = isinstance(each, LOOPS)
        yield from _turns(getattr(each, "body", []), is_own=is_own and not is_loop)
        for name in ("orelse", "finalbody"):
            yield from _turns(getattr(each, name, []), is_own=is_own)
        for part in (*getattr(each, "handlers", ()), *getattr(each, "cases", ())):
            yield from _turns(part.body, is_own=is_own)
