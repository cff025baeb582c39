"""Which bindings a variable may have its value from where it is read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Binding
from flask_ctxfix.statements import block_of
from flask_ctxfix.syntax import LOOPS


def reaching(module: Module, node: ast.Name, bindings: list[Binding]) -> Iterator[Binding]:
    """Yield the bindings that `node` may read: none that a later one certainly replaces."""
    scopes = module.scopes
    function = scopes.function_of(node)
    blocks = list(scopes.ancestors(node))
    start = module.span(node).start
    for binding in bindings:
        if binding.value is None or scopes.function_of(binding.node) is not function:
            yield binding
            continue
        mine = module.span(binding.node)
        if mine.end > start and not _shares_loop(module, node, binding.node):
            continue
        replaced = any(
            other is not binding
            and other.kind == "assign"
            and mine.end <= module.span(other.node).start
            and module.span(other.node).end <= start
            and scopes.parents[other.node] in blocks
            and _same_block(scopes.parents[other.node], other.node, node, scopes.ancestors)
            for other in bindings
        )
        if not replaced:
            yield binding


def _shares_loop(module: Module, one: ast.AST, other: ast.AST) -> bool:
    loops = {e for e in module.scopes.ancestors(one) if isinstance(e, LOOPS)}
    return any(each in loops for each in module.scopes.ancestors(other))


def _same_block(
    parent: ast.AST,
    statement: ast.AST,
    node: ast.AST,
    ancestors: Callable[[ast.AST], Iterator[ast.AST]],
) -> bool:
    """Whether `statement` stands in the very block of `parent` that holds `node`."""
    around = {node, *ancestors(node)}
    return any(each in around for each in block_of(parent, statement))
