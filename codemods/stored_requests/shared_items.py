"""Whether other requests get what a request puts into a container, though it may be emptied."""

from __future__ import annotations

import ast

from flask_ctxfix.codemods.stored_requests.kept_paths import Read, may_be_in_request
from flask_ctxfix.codemods.stored_requests.lasting_containers import Container
from flask_ctxfix.codemods.stored_requests.order import Order, Written
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import is_report, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import before
from flask_ctxfix.syntax import last_name

_EMPTYING = "clear"
_PARTS = (
    ast.Subscript,
    ast.keyword,
    ast.List,
    ast.Tuple,
    ast.Starred,
    ast.Dict,
    ast.BinOp,
    ast.IfExp,
)


def read_by_others(module: Module, project: Project, found: Container) -> Read | None:
    """Return where a request may read a container that it has not written before."""
    order = Order(project, frozenset({module.key_of(found.named)}))
    own = module.scopes.function_of(found.named)
    for home, use in sorted(found.reads, key=lambda e: e[0].scopes.function_of(e[1]) is own):
        if may_be_in_request(home, project, use) and order.before(home, use) is not Written.YES:
            return home, use
    return None


def is_refilled(module: Module, node: ast.AST, container: ast.expr) -> bool:
    """Whether code empties a container before it puts something in, so that it is as if set."""
    written = module.segment(container)
    for statement in before(module, node):
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr == _EMPTYING and module.segment(call.func.value) == written:
                return True
    return False


def told_to_others(
    module: Module, project: Project, node: ast.AST, found: Container
) -> Read | None:
    """Return where the function that puts something in makes its answer of all that is there.

    It passes the container to a function from elsewhere, and uses what that gives.
    """
    own = module.scopes.function_of(node)
    for home, use in found.uses:
        if home is module and module.scopes.function_of(use) is own:
            call = _call_given(module, use)
            if call is not None and _makes_something(module, project, call):
                return module, use
    return None


def _call_given(module: Module, use: ast.expr) -> ast.Call | None:
    """Return the call that is given a container, or a part of it."""
    child: ast.AST = use
    parent = module.scopes.parents[use]
    while isinstance(parent, _PARTS) and child is not getattr(parent, "slice", None):
        child, parent = parent, module.scopes.parents[parent]
    is_given = isinstance(parent, ast.Call) and child is not parent.func
    return parent if is_given and isinstance(parent, ast.Call) else None


def _makes_something(module: Module, project: Project, call: ast.Call) -> bool:
    """Whether a function from elsewhere gives something that is used."""
    if isinstance(module.scopes.parents[call], ast.Expr):
        return False
    value = ContextFlow.of(project).values.of(module, call.func)
    if value is not None and not isinstance(value, Foreign):
        return False
    name = value.name if isinstance(value, Foreign) else last_name(call.func)
    return not is_well_known(name) and not is_report(name)
