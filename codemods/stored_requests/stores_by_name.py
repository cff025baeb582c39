"""What code stores under a name that it says in a string: ``globals()["x"] = 1``, ``setattr``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import text_of

_SETATTR = Foreign("builtins.setattr")
_GLOBALS = Foreign("builtins.globals()")
_VARS = Foreign("builtins.vars()")


class NamedStore(NamedTuple):
    """A value that is stored as `name` of what `base` is; of the module itself, if that is None."""

    base: ast.expr | None
    name: str
    target: ast.expr
    value: ast.expr


def stores_by_name(module: Module, project: Project) -> Iterator[NamedStore]:
    """Yield the stores of a module under names that are strings."""
    values = ContextFlow.of(project).values
    for call in module.scopes.calls.get("setattr", ()):
        name = text_of(call.args[1]) if len(call.args) == 3 else None
        if name is not None and values.of(module, call.func) == _SETATTR:
            yield NamedStore(call.args[0], name, call, call.args[2])
    for space in _namespaces(module, project):
        for name, target, value in _set_in(module, space):
            yield NamedStore(_holder(space), name, target, value)


def _namespaces(module: Module, project: Project) -> Iterator[ast.expr]:
    """Yield the dictionaries of the names that a module or an object holds."""
    values = ContextFlow.of(project).values
    yield from module.scopes.attributes.get("__dict__", ())
    for call in (*module.scopes.calls.get("globals", ()), *module.scopes.calls.get("vars", ())):
        if values.of(module, call) == (_VARS if call.args else _GLOBALS):
            yield call


def _set_in(module: Module, space: ast.expr) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Yield the names that code sets in a dictionary, each with the target and the value."""
    parent = module.scopes.parents[space]
    outer = module.scopes.parents.get(parent)
    if isinstance(parent, ast.Subscript) and isinstance(outer, ast.Assign):
        name = text_of(parent.slice)
        if name is not None and parent in outer.targets:
            yield name, parent, outer.value
    elif isinstance(parent, ast.Attribute) and parent.attr == "update":
        if isinstance(outer, ast.Call) and outer.func is parent:
            yield from ((e.arg, e.value, e.value) for e in outer.keywords if e.arg is not None)


def _holder(space: ast.expr) -> ast.expr | None:
    """Return what a dictionary of names is of; None for that of the module itself."""
    if isinstance(space, ast.Attribute):
        return space.value
    return space.args[0] if isinstance(space, ast.Call) and space.args else None
