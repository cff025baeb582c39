"""Which of the two errors of a missing context handlers catch: the one before, the one since."""

from __future__ import annotations

import ast
from collections.abc import Collection

from flask_ctxfix.origins import NONE, UNKNOWN
from flask_ctxfix.project import Module, Project

BEFORE = "AttributeError"
SINCE = "RuntimeError"

_CATCHES_BOTH = frozenset({"Exception", "BaseException"})
_DEEPEST = 10


def names_of(module: Module, project: Project, kinds: ast.expr | None) -> frozenset[str]:
    """Return the builtin exceptions that an ``except`` names, and `UNKNOWN` if it may name others.

    Classes of the project and of other packages are neither of the two errors, nor bases of them.
    """
    return _names_of(module, project, kinds, 0)


def catches(names: Collection[str], error: str) -> bool:
    """Whether who catches `names` certainly catches `error`."""
    return error in names or not _CATCHES_BOTH.isdisjoint(names)


def may_catch(names: Collection[str], error: str) -> bool:
    """Whether who catches `names` may catch `error`."""
    return UNKNOWN in names or catches(names, error)


def is_group(module: Module, project: Project, kinds: ast.expr) -> bool:
    """Whether an expression stands for a tuple of exceptions."""
    if isinstance(kinds, ast.Tuple | ast.BinOp):
        return True
    return any(
        binding.value is not None and is_group(owner, project, binding.value)
        for owner, binding in project.bindings(module, kinds)
    )


def _names_of(
    module: Module, project: Project, kinds: ast.expr | None, depth: int
) -> frozenset[str]:
    if kinds is None:
        return frozenset({"BaseException"})
    if depth > _DEEPEST:
        return frozenset({UNKNOWN})
    parts = _parts(kinds)
    if parts is not None:
        each = (_names_of(module, project, part, depth + 1) for part in parts)
        return frozenset().union(*each)
    origins = project.origins(module, kinds) - {NONE}
    names = {o.removeprefix("builtins.") for o in origins if o.startswith("builtins.")}
    if UNKNOWN in origins:
        names |= _bound(module, project, kinds, depth)
    return frozenset(names)


def _parts(kinds: ast.expr) -> list[ast.expr] | None:
    """Return the expressions that a tuple is made of; None for what is none."""
    if isinstance(kinds, ast.Tuple):
        return kinds.elts
    if isinstance(kinds, ast.Starred):
        return [kinds.value]
    if isinstance(kinds, ast.BinOp) and isinstance(kinds.op, ast.Add):
        return [kinds.left, kinds.right]
    return None


def _bound(module: Module, project: Project, kinds: ast.expr, depth: int) -> frozenset[str]:
    """Return what a name stands for that is no plain name of a class."""
    bindings = project.bindings(module, kinds)
    names = frozenset() if bindings else frozenset({UNKNOWN})
    for owner, binding in bindings:
        if binding.value is not None:
            names |= _names_of(owner, project, binding.value, depth + 1)
        elif binding.kind not in {"definition", "import"}:
            names |= {UNKNOWN}
    return names
