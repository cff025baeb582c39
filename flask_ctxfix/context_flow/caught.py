"""Which errors handlers catch: those of ``except``, and those around a place."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flask_ctxfix.flask_facts import BROAD_ERRORS
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE, UNKNOWN
from flask_ctxfix.project import Project
from flask_ctxfix.statements import TRIES, way_out


def names_of(module: Module, project: Project, kinds: ast.expr | None) -> frozenset[str]:
    """Return the builtin exceptions that an ``except`` names, and `UNKNOWN` if it may name others.

    Classes of the project and of other packages are no builtin ones, nor bases of such.
    """
    if kinds is None:
        return frozenset({"BaseException"})
    names: frozenset[str] = frozenset()
    for owner, each in _made_of(module, project, kinds):
        if _parts(each) is None:
            names |= _plain_names(owner, project, each)
    return names


def caught_around(module: Module, project: Project, node: ast.AST) -> frozenset[str]:
    """Return the exceptions that handlers around a node catch in its function."""
    return frozenset[str]().union(
        *(
            names_of(module, project, handler.type)
            for parent, child in way_out(module, node)
            if isinstance(parent, TRIES) and child in parent.body  # type: ignore[attr-defined]
            for handler in parent.handlers  # type: ignore[attr-defined]
        )
    )


def catches_every_error(names: Collection[str]) -> bool:
    """Whether who catches `names` certainly catches all that a program may handle."""
    return not BROAD_ERRORS.isdisjoint(names)


def catches(names: Collection[str], error: str) -> bool:
    """Whether who catches `names` certainly catches `error`."""
    return error in names or catches_every_error(names)


def may_catch(names: Collection[str], error: str) -> bool:
    """Whether who catches `names` may catch `error`."""
    return UNKNOWN in names or catches(names, error)


def catches_import_error(module: Module, project: Project, handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches what an import that fails raises."""
    names = names_of(module, project, handler.type)
    return any(catches(names, each) for each in ("ImportError", "ModuleNotFoundError"))


def is_group(module: Module, project: Project, kinds: ast.expr) -> bool:
    """Whether an expression stands for a tuple of exceptions."""
    return any(
        isinstance(each, ast.Tuple | ast.BinOp) for _, each in _made_of(module, project, kinds)
    )


def _made_of(
    module: Module, project: Project, kinds: ast.expr
) -> Iterator[tuple[Module, ast.expr]]:
    """Yield an expression, the parts of tuples, and what names stand for, each once."""
    seen = {kinds}
    left = [(module, kinds)]
    while left:
        owner, each = left.pop()
        yield owner, each
        further = [(owner, part) for part in _parts(each) or ()]
        if UNKNOWN in project.origins(owner, each):
            bound = project.bindings(owner, each)
            further += [(home, binding.value) for home, binding in bound if binding.value]
        new = [(home, part) for home, part in further if part not in seen]
        seen.update(part for _, part in new)
        left += new


def _plain_names(module: Module, project: Project, kinds: ast.expr) -> frozenset[str]:
    """Return the names of classes that an expression itself stands for."""
    origins = project.origins(module, kinds) - {NONE}
    names = {o.removeprefix("builtins.") for o in origins if o.startswith("builtins.")}
    if UNKNOWN in origins and _is_unknown(module, project, kinds):
        names.add(UNKNOWN)
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


def _is_unknown(module: Module, project: Project, kinds: ast.expr) -> bool:
    """Whether a name may stand for what no definition, import or value in the project tells."""
    bindings = project.bindings(module, kinds)
    return not bindings or any(
        binding.value is None and binding.kind not in {"definition", "import"}
        for _, binding in bindings
    )
