"""Objects that a request makes without data, and tells its data then: ``client.connect(host)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import DATABASES, GROWING, QUERYING, is_report, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.statements import statement_of, way_out
from flask_ctxfix.syntax import arguments_of

# Methods that pass on what they are given, and do not keep it.
_PASSING_ON = ("send", "write", "emit", "publish")


def told(module: Module, project: Project, target: ast.Name, value: ast.expr) -> Datum | None:
    """Return the data that code tells a new object, which it has put in a variable of outside.

    Where the variable is only filled if it is empty, the object is for all requests.
    """
    made = ContextFlow.of(project).values.of(module, value) if isinstance(value, ast.Call) else None
    if not isinstance(made, Foreign) or not _keeps(made) or _is_asked_for(module, target):
        return None
    data = RequestData.of_project(project)
    for call in _calls_after(module, target):
        for argument in arguments_of(call):
            datum = data.of(module, argument) if data.may_be(module, argument) else None
            if datum is not None and datum.kind is Kind.VALUE and not datum.is_caught:
                return datum._replace(how=How.DRAWN)
    return None


def _keeps(made: Foreign) -> bool:
    """Whether an object may keep what it is told for itself.

    What is put into containers is looked at by itself; databases keep it for all.
    """
    name = made.name.removesuffix("()")
    is_class = name.rpartition(".")[2][:1].isupper() or is_well_known(name)
    return is_class and name not in GROWING and not name.startswith(DATABASES)


def _is_asked_for(module: Module, target: ast.Name) -> bool:
    """Whether a test around an assignment reads the variable, or an error led to it."""
    for parent, _ in way_out(module, statement_of(module, target)):
        if isinstance(parent, ast.ExceptHandler):
            return True
        if isinstance(parent, ast.If | ast.While):
            names = (each.id for each in ast.walk(parent.test) if isinstance(each, ast.Name))
            if target.id in names:
                return True
    return False


def _calls_after(module: Module, target: ast.Name) -> Iterator[ast.Call]:
    """Yield the calls of methods of a new object whose result its function does not use."""
    scopes = module.scopes
    function, start = scopes.function_of(target), module.span(target).start
    for read in scopes.home_of(target).reads.get(target.id, ()):
        called = scopes.parents[read]
        call = scopes.parents[called]
        if not isinstance(called, ast.Attribute) or not isinstance(call, ast.Call):
            continue
        is_here = scopes.function_of(read) is function and module.span(read).start > start
        if is_here and call.func is called and isinstance(scopes.parents[call], ast.Expr):
            if not _passes_on(called.attr):
                yield call


def _passes_on(method: str) -> bool:
    return method in QUERYING or is_report(method) or method.startswith(_PASSING_ON)
