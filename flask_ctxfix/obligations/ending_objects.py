"""Objects of a request that are of no use once it is over: its files, its streams, its user."""

from __future__ import annotations

import ast
from typing import NamedTuple

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
    f"{request}.{part}" for request in _REQUESTS for part in ("input_stream", "stream")
)
_OVER = frozenset({"flask.Request()", *(f"{request}.environ" for request in _REQUESTS)})
_USERS = frozenset(f"{proxy}._get_current_object()" for proxy in USERS)


class Ending(NamedTuple):
    """What to do instead of passing an object on, and what the end of the request does to it."""

    advice: Advice
    after: str


_FILE = Ending(Advice("read the file in the view, and pass its content"), "it is closed")
_STREAM = Ending(Advice("read the stream in the view, and pass its content"), "it is closed")
_REQUEST = Ending(Advice("pass the values that are needed"), "its files are closed")
_USER = Ending(Advice("pass its id, and load the user again"), "its database session may be closed")
_ENDING: QuestionKind[Ending | None] = QuestionKind("ending", None, lambda one, other: one or other)
# What to pass in the place of a proxy.
INSTEAD = {
    "flask.g": "pass the values of `g` that are needed",
    "flask.request": "pass the values that are needed, such as `request.path`",
    "flask.session": 'pass the values that are needed, such as `session["user"]`',
}
INSTEAD_OF_USER = "pass `current_user.id`, and load the user again"


def ending_of(module: Module, project: Project, node: ast.expr) -> Ending | None:
    """Return what the end of a request does to what an expression is, if it does anything."""
    table = ContextFlow.of(project).table
    return table.ask(module, _ENDING, ("ending", node), lambda: _ending_of(module, project, node))


def _ending_of(module: Module, project: Project, node: ast.expr) -> Ending | None:
    if isinstance(node, ast.Name):
        alias = only_assignment(module, node)
        if alias is not None and alias.value is not None:
            return ending_of(module, project, alias.value)
    if isinstance(node, ast.Subscript):
        return _FILE if _named(module, project, node.value) in _FILES else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Subscript | ast.Name):
        if node.attr == "stream" and ending_of(module, project, node.value) == _FILE:
            return _FILE
    name = _named(module, project, node)
    if name in _STREAMS:
        return _STREAM
    if name in _FILES:
        return _FILE
    if name in _OVER:
        return _REQUEST
    return _USER if name in _USERS else None


def _named(module: Module, project: Project, node: ast.expr) -> str | None:
    value = ContextFlow.of(project).values.of(module, node)
    return value.name if isinstance(value, Foreign) else None
