"""Whether work in another process has the contexts of the code that starts it.

A forked process is a copy of its parent, contexts included; one that is spawned has none. Forking
is the default on Linux up to Python 3.13. The processes of a pool are forked when it gets its first
tasks, and see the request of that time for as long as they live.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.starts import Start
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import root_of

_SETS_METHOD = "multiprocessing.set_start_method"


class Inherited(Enum):
    """Whether work has the contexts of its caller. `STALE`: in a fork it has those of another."""

    YES = "yes"
    NO = "no"
    IF_FORKED = "if forked"
    STALE = "stale"


def inherited(start: Start, project: Project) -> Inherited:
    """Return whether what a start runs in another process has the contexts of its caller."""
    methods = _start_methods(project)
    if start.starter.is_fresh or (methods and "fork" not in methods):
        return Inherited.NO
    if _is_of_kept_pool(start):
        return Inherited.STALE
    return Inherited.YES if methods == {"fork"} else Inherited.IF_FORKED


def _start_methods(project: Project) -> frozenset[str]:
    """Return how the project has processes started; nothing where it leaves that to Python."""

    def compute() -> frozenset[str]:
        values = ContextFlow.of(project).values
        return frozenset(
            method
            for module in project.parsed(project.naming("set_start_method"))
            for call in module.scopes.calls.get("set_start_method", ())
            if values.of(module, call.func) == Foreign(_SETS_METHOD)
            for method in _set_methods(call)
        )

    return project.memo("start methods of processes", compute)


def _set_methods(call: ast.Call) -> Iterator[str]:
    """Yield the methods that a call may set: all of them where it does not spell one out."""
    given = {each.arg: each.value for each in call.keywords}
    method = call.args[0] if call.args else given.get("method")
    if isinstance(method, ast.Constant) and isinstance(method.value, str):
        yield method.value
    else:
        yield from ("fork", "spawn")


def _is_of_kept_pool(start: Start) -> bool:
    """Whether a start gives its work to a pool that may be older than the request."""
    if start.starter.passing == "tuple" or not isinstance(start.call, ast.Call):
        return False  # a process of its own
    scopes = start.module.scopes
    owner = root_of(start.call.func)
    return not isinstance(owner, ast.Name) or (
        scopes.home_of(owner).node is not scopes.function_of(start.call)
    )
