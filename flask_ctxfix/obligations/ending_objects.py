"""Objects of a request that are of no use once it is over: its files, its streams, its user."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Advice
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import USERS
from flask_ctxfix.local_names import only_assignment
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

_REQUESTS = ("flask.request", "flask.Request()")
_FILES = frozenset(
    f"{request}.files{part}" for request in _REQUESTS for part in ("", ".get()", ".getlist()")
)
_STREAMS = frozenset(
    f"{request}.{part}" for request in _REQUESTS for part in ("environ", "input_stream", "stream")
)
_USERS = frozenset(f"{proxy}._get_current_object()" for proxy in USERS)

_ADVICE_FILE = Advice(
    "read it before the start, and pass what it holds", notes=("it is closed after the request",)
)
_ADVICE_REQUEST = Advice(
    "pass the values that the work needs", notes=("the request is over by then",)
)
_ADVICE: QuestionKind[Advice | None] = QuestionKind("advice", None, lambda one, other: one or other)
_ADVICE_USER = Advice(
    "pass its id, and load it where the work runs", notes=("it belongs to the request's session",)
)


def advice_on(module: Module, project: Project, node: ast.expr) -> Advice | None:
    """Return what to do instead of handing an expression over, if a request ends what it is."""
    table = ContextFlow.of(project).table
    return table.ask(module, _ADVICE, ("advice", node), lambda: _advice_on(module, project, node))


def _advice_on(module: Module, project: Project, node: ast.expr) -> Advice | None:
    if isinstance(node, ast.Name):
        alias = only_assignment(module, node)
        if alias is not None and alias.value is not None:
            return advice_on(module, project, alias.value)
    if isinstance(node, ast.Subscript):
        return _ADVICE_FILE if _named(module, project, node.value) in _FILES else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Subscript | ast.Name):
        is_stream = node.attr == "stream" and advice_on(module, project, node.value) == _ADVICE_FILE
        if is_stream:
            return _ADVICE_FILE
    name = _named(module, project, node)
    if name in _FILES or name in _STREAMS:
        return _ADVICE_FILE
    if name == "flask.Request()":
        return _ADVICE_REQUEST
    return _ADVICE_USER if name in _USERS else None


def _named(module: Module, project: Project, node: ast.expr) -> str | None:
    value = ContextFlow.of(project).values.of(module, node)
    return value.name if isinstance(value, Foreign) else None
