"""Objects that remember what they are told, and answer the next by it: chats with a model."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.kept_paths import may_serve_request
from flask_ctxfix.codemods.stored_requests.lasting_containers import shared_slot
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.context_flow.request_datum import Datum, How, Kind
from flask_ctxfix.flask_facts import REMEMBERING, spelled
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import arguments_of

_NAMES = spelled(REMEMBERING)


class Telling(NamedTuple):
    """A call that tells an object data, which that keeps: `named` is the object."""

    call: ast.Call
    named: ast.expr
    datum: Datum


def told_to_shared(module: Module, project: Project) -> Iterator[Telling]:
    """Yield where requests tell data to an object that they share, and that remembers it."""
    values, data = ContextFlow.of(project).values, RequestData.of_project(project)
    for call in module.scopes.calls_of(_NAMES):
        called = call.func
        if not isinstance(called, ast.Attribute) or not data.may_be_given(module, call):
            continue
        if values.name_of(module, called) not in REMEMBERING:
            continue
        datum = _given(module, data, call)
        is_shared = shared_slot(module, project, called.value) is not None
        if datum is not None and is_shared and may_serve_request(module, project, call):
            yield Telling(call, called.value, datum)


def _given(module: Module, data: RequestData, call: ast.Call) -> Datum | None:
    for argument in arguments_of(call):
        datum = data.of(module, argument, widest=How.MADE)
        if datum is not None and datum.kind is Kind.VALUE and not datum.is_caught:
            return datum
    return None
