"""What a condition becomes once parts of it are always true: `if True and ready` is `if ready`."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import NamedTuple, TypeAlias

from flask_ctxfix.codemod import ReplaceExpression
from flask_ctxfix.codemods.removed_apis.tested import is_tested
from flask_ctxfix.module import Module
from flask_ctxfix.source import Span

_HOLE = "HOLE_{}"


class _Junction(NamedTuple):
    """Parts joined by `and` or `or`, of which some may be constants that have to stay."""

    word: str
    parts: tuple[Folded, ...]


class _Negation(NamedTuple):
    """The opposite of something."""

    part: Folded


# A constant, an expression that stays as it is, or what is made of these.
Folded: TypeAlias = "bool | ast.expr | _Junction | _Negation"


def condition_of(module: Module, node: ast.expr) -> ast.expr:
    """Return the whole of the `not`, `and` and `or` that an expression is a part of."""
    parent = module.scopes.parents[node]
    is_part = isinstance(parent, ast.BoolOp) or (
        isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)
    )
    return condition_of(module, parent) if is_part else node  # type: ignore[arg-type]


def folded(module: Module, node: ast.expr, true: Collection[ast.expr]) -> Folded:
    """Return what is left of a condition where the expressions `true` are just that."""
    if node in true:
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        part = folded(module, node.operand, true)
        if part is node.operand:
            return node
        return not part if isinstance(part, bool) else _Negation(part)
    if isinstance(node, ast.BoolOp):
        parts = [folded(module, each, true) for each in node.values]
        return node if parts == node.values else _joined(module, node, parts)
    return node


def _joined(module: Module, node: ast.BoolOp, parts: list[Folded]) -> Folded:
    """Leave out what decides nothing, and what is never asked."""
    neutral = isinstance(node.op, ast.And)
    only_truth = is_tested(module, node)
    kept: list[Folded] = []
    for part, is_last in zip(parts, [*[False] * (len(parts) - 1), True], strict=True):
        if part is neutral:
            if is_last and kept and not only_truth:
                kept.append(part)  # the value itself counts, which is this one
            continue
        if isinstance(part, bool):
            is_plain = only_truth and all(isinstance(each, ast.Name) for each in kept)
            return part if is_plain or not kept else _Junction(_word(node), (*kept, part))
        kept.append(part)
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else _Junction(_word(node), tuple(kept))


def _word(node: ast.BoolOp) -> str:
    return "and" if isinstance(node.op, ast.And) else "or"


def replaced(module: Module, node: ast.expr, by: Folded) -> ReplaceExpression:
    """Return the edit that puts what is left of a condition in its place."""
    holes: list[tuple[str, Span]] = []
    code = _written(module, by, holes)
    return ReplaceExpression(module.span(node), code, tuple(holes))


def _written(module: Module, part: Folded, holes: list[tuple[str, Span]]) -> str:
    if isinstance(part, bool):
        return str(part)
    if isinstance(part, _Negation):
        code = _written(module, part.part, holes)
        return f"not ({code})" if isinstance(part.part, _Junction) else f"not {code}"
    if isinstance(part, _Junction):
        codes = [_written(module, each, holes) for each in part.parts]
        is_loose = [isinstance(p, _Junction) and p.word != part.word for p in part.parts]
        return f" {part.word} ".join(
            f"({code})" if loose else code for code, loose in zip(codes, is_loose, strict=True)
        )
    name = _HOLE.format(len(holes))
    holes.append((name, module.span(part)))
    return name
