"""What may call a function, and what becomes of what a parameter holds."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from flask_ctxfix.context_flow.entries import Entries, Entry
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.references import References
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import last_name, without_call

NOT_FOLLOWED = "stored where it cannot be followed"
GIVEN_AWAY = "passed to code that is not known"
BY_LIBRARY = "a method that a base class from elsewhere may call"
BY_PYTHON = "a method that Python itself calls"
BY_DECORATOR = "decorated with something that is not known"
BY_ANY_NAME = "a method that may be looked up by its name"
UNREAD = "stored where nothing reads it"
TOO_WIDE = "stored in too many places"


class CallSite(NamedTuple):
    """Where a function is called, and the context that there certainly is on the way from there."""

    module: Module
    node: ast.AST
    proven: Need = Need.NONE


class Unseen(NamedTuple):
    """Something may call a function that cannot be seen.

    It is not `likely` where something else is seen to call what it would be.
    """

    reason: str
    is_likely: bool = True


class Inside(NamedTuple):
    """What a parameter holds is called in the body of its function."""

    proven: Need


class Result(NamedTuple):
    """What a function returns is, or calls, what a parameter of it holds."""

    proven: Need


Caller = CallSite | Entry | Unseen
Held = Caller | Inside | Result


class Known(NamedTuple):
    """What following asks; `held` tells what becomes of what a parameter is given."""

    project: Project
    values: Values
    guards: Guards
    entries: Entries
    references: References
    held: Callable[[Module, FunctionNode, str], frozenset[Held]]


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether reading an attribute calls a function, as far as its decorators are called so."""
    names = (last_name(without_call(each)) for each in function.decorator_list)
    return any("property" in name or name == "getter" for name in names)


def is_setter(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether assigning or deleting an attribute calls a function."""
    decorators = function.decorator_list
    return any(
        isinstance(each, ast.Attribute) and each.attr in {"deleter", "setter"}
        for each in decorators
    )


def order_of(caller: Caller) -> tuple[int, str, int, int, str]:
    """Return what puts callers into an order: first those that are not to be seen."""
    if isinstance(caller, Unseen):
        return 0, caller.reason, 0, 0, ""
    if isinstance(caller, Entry):
        return 1, caller.kind, 0, 0, str(caller.where)
    line = getattr(caller.node, "lineno", 0)
    return 2, caller.module.path, line, getattr(caller.node, "col_offset", 0), str(caller.proven)
