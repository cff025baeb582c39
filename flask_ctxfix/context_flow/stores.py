"""The variables, attributes and containers that something is kept in, and what reads these."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.context_flow.call_sites import NOT_FOLLOWED, Known, Unseen
from flask_ctxfix.context_flow.entries import Entry
from flask_ctxfix.context_flow.values import Class, Instance
from flask_ctxfix.module import Module
from flask_ctxfix.syntax import last_name

# Methods of containers that give what these hold, and that put something into them.
GETTING = frozenset(
    {"copy", "get", "get_nowait", "items", "pop", "popitem", "popleft", "setdefault", "values"}
)
PUTTING = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "setdefault", "update"}
)
# Those that only compare what they are given with what is there.
COMPARING = frozenset({"count", "discard", "index", "remove"})


class Store(NamedTuple):
    """What something is kept in; `key` tells it from others."""

    key: tuple[object, ...]
    reads: Iterator[tuple[Module, ast.expr]]


def stores_of(known: Known, module: Module, target: ast.AST) -> Iterator[Store | Entry | Unseen]:
    """Yield what is kept in something that is assigned to, or a method of which is called."""
    while isinstance(target, ast.Subscript | ast.Starred):
        target = target.value
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from stores_of(known, module, each)
    elif isinstance(target, ast.Name):
        yield variable(known, module, target)
    elif isinstance(target, ast.Attribute):
        yield from _attribute(known, module, target)
    elif isinstance(target, ast.Call) and last_name(target.func) in GETTING:
        yield from stores_of(known, module, target.func.value)  # type: ignore[attr-defined]
    else:
        yield Unseen(NOT_FOLLOWED)


def variable(known: Known, module: Module, target: ast.Name) -> Store:
    """Return the variable that a name is."""
    home = module.scopes.home_of(target)
    if isinstance(home.node, ast.ClassDef):
        return member(known, Class(module, home.node), target.id)
    key = (module.path, "variable", id(home), target.id)
    return Store(key, known.references.of_variable(module, home, target.id))


def _attribute(
    known: Known, module: Module, target: ast.Attribute
) -> Iterator[Store | Entry | Unseen]:
    entry = known.entries.kept_in(known.values.of(module, target))
    if entry is not None:
        yield entry
        return
    owner = known.values.of(module, target.value)
    if isinstance(owner, Instance | Class):
        yield member(known, owner.of if isinstance(owner, Instance) else owner, target.attr)
        return
    reads = list(known.references.of_attribute(target.attr)) if owner is None else []
    if reads:
        yield Store(("attribute", target.attr), iter(reads))
    yield Unseen(NOT_FOLLOWED, is_likely=not reads)


def member(known: Known, owner: Class, name: str) -> Store:
    """Return an attribute of a class, or of its instances."""
    key = (owner.module.path, "member", owner.node.name, name)
    return Store(key, known.references.of_member(owner, name))


def is_filled(module: Module, read: ast.expr) -> bool:
    """Whether a container is read only for something to be put into it."""
    parent = module.scopes.parents[read]
    if isinstance(parent, ast.Subscript) and parent.value is read:
        return not isinstance(parent.ctx, ast.Load) or is_filled(module, parent)
    call = module.scopes.parents.get(parent)
    if not isinstance(parent, ast.Attribute) or not isinstance(call, ast.Call):
        return False
    is_done = isinstance(module.scopes.parents[call], ast.Expr)
    if parent.attr in PUTTING | COMPARING and is_done:
        return True
    return parent.attr in GETTING and is_filled(module, call)
