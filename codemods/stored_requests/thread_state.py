"""What stays with a thread when its request is over: `threading.local` and `ContextVar`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, Kind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import BEFORE_REQUEST
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import before, statement_of

_LOCAL = Foreign("threading.local()")
_VARIABLE = Foreign("contextvars.ContextVar()")


class ThreadStore(NamedTuple):
    """What gives a thread data of a request: `target` is the attribute, or the variable."""

    node: ast.expr
    target: ast.Attribute | ast.Name
    datum: Datum


def thread_stores(module: Module, project: Project, data: RequestData) -> Iterator[ThreadStore]:
    """Yield what gives a thread data of a request that nothing takes back."""
    values = ContextFlow.of(project).values
    if not data.may_be_in(module):
        return
    for node in module.scopes.assigned_attributes:
        assigned = module.scopes.parents[node]
        if not isinstance(assigned, ast.Assign):
            continue
        if not data.may_be(module, assigned.value):
            continue
        if values.of(module, node.value) == _LOCAL and not _is_reset(project, node.attr):
            datum = _stored(module, project, data, node, assigned.value)
            if datum is not None:
                yield ThreadStore(node, node, datum)
    for call in module.scopes.calls.get("set", ()):
        function = call.func
        if not isinstance(function, ast.Attribute) or not call.args:
            continue
        if not isinstance(function.value, ast.Name) or not isinstance(
            module.scopes.parents[call], ast.Expr
        ):
            continue  # who keeps the token may reset the variable with it
        if not data.may_be(module, call.args[0]):
            continue
        if values.of(module, function.value) == _VARIABLE:
            datum = _stored(module, project, data, call, call.args[0])
            if datum is not None and not _is_reset(project, function.value.id):
                yield ThreadStore(call, function.value, datum)


def thread_reads(
    module: Module, project: Project, store: ThreadStore
) -> Iterator[tuple[Module, ast.expr]]:
    """Yield what reads what is stored."""
    target = store.target
    if isinstance(target, ast.Attribute):
        kept = project.bindings(module, target.value)
        for other in project.parsed(project.naming(target.attr)):
            for node in other.scopes.attribute_reads.get(target.attr, ()):
                if kept and project.bindings(other, node.value) == kept:
                    yield other, node
        return
    variable = project.bindings(module, target)
    for other in project.parsed(project.naming(target.id)):
        for call in other.scopes.calls.get("get", ()):
            if isinstance(call.func, ast.Attribute):
                if variable and project.bindings(other, call.func.value) == variable:
                    yield other, call


def _stored(
    module: Module, project: Project, data: RequestData, node: ast.AST, value: ast.expr
) -> Datum | None:
    """Return the data that is stored, if a later request can come to see it."""
    datum = data.of(module, value)
    if datum is None or datum.kind is Kind.PROXY or not may_be_in_request(module, project, node):
        return None
    return None if datum.kind is Kind.VALUE and _is_set_anew(module, node) else datum


def _is_set_anew(module: Module, node: ast.AST) -> bool:
    """Whether each request certainly sets its own value, before anything else."""
    around = module.scopes.function_of(node)
    decorators = getattr(around, "decorator_list", ())
    names = {getattr(getattr(each, "func", each), "attr", "") for each in decorators}
    statement = statement_of(module, node)
    is_plain = module.scopes.parents[statement] is around
    is_left = any(each in module.scopes.leaving for each in before(module, statement))
    return bool(names & BEFORE_REQUEST) and is_plain and not is_left


def _is_reset(project: Project, name: str) -> bool:
    """Whether something deletes, resets or sets to None what has this name."""
    return project.memo(("reset", name), lambda: _resets(project, name))


def _resets(project: Project, name: str) -> bool:
    for module in project.parsed(project.naming(name)):
        scopes = module.scopes
        for node in scopes.nodes(ast.Attribute):
            parent = scopes.parents[node]
            if node.attr == name:
                is_none = isinstance(getattr(parent, "value", None), ast.Constant)
                if isinstance(node.ctx, ast.Del) or (isinstance(node.ctx, ast.Store) and is_none):
                    return True
            if node.attr == "reset" and getattr(node.value, "id", "") == name:
                return True
            if node.attr == "set" and getattr(node.value, "id", "") == name:
                arguments = parent.args if isinstance(parent, ast.Call) else []
                if any(isinstance(each, ast.Constant) for each in arguments):
                    return True
            if node.attr == "__dict__" and isinstance(parent, ast.Attribute):
                return True
    return False
