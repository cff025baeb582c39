"""What to do where a part of a context is assigned that Flask lets nobody assign any more."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Advice
from flask_ctxfix.flask_versions import FIXED_SESSION, ONE_CONTEXT, TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import last_name, without_call

PARTS = frozenset({"flashes", "request", "session"})
_SINCE = {"session": (FIXED_SESSION, "3.1.3")}
_SINCE_ONE = (ONE_CONTEXT, "3.2")
_UP_TO_3_1 = "pass the session, as in `RequestContext(app, environ, session=saved)`"
_FROM_3_2 = "pass the session, as in `AppContext(app, request=request, session=saved)`"
_KIND = "the session has to be a `SessionMixin`"
# Those that only call a constructor, which can be called with the session as well.
_MAKERS = frozenset({"RequestContext", "request_context"})
_HELP = {
    "flashes": "keep what you set here in a place of your own, such as `g`",
    "request": "open a new context with this request, instead of changing this one",
    "session": "change the session's items, or open it through a session interface",
}


def what_happens(part: str, version: str) -> str:
    """Say what comes of assigning `part` of a context."""
    if part == "flashes":
        return f"Flask {version} does not read what is set as a context's `{part}`"
    return f"setting a context's `{part}` raises AttributeError from Flask {version} on"


def since(part: str, target: TargetVersion) -> str | None:
    """Return the Flask that `part` cannot be assigned from on; None if `target` is older."""
    first, told = _SINCE.get(part, _SINCE_ONE)
    if target.oldest >= ONE_CONTEXT:
        return _SINCE_ONE[1]  # of an app context as of one with a request
    return told if target.newest >= first else None


def advice_for(module: Module, node: ast.AST, part: str, target: TargetVersion) -> Advice:
    """Return what to do instead of assigning `part` of a context, as `node` does."""
    is_one_way = target.oldest >= ONE_CONTEXT or target.newest < ONE_CONTEXT
    if part == "session" and is_one_way and _is_in_own_context(module, node):
        text = _FROM_3_2 if target.oldest >= ONE_CONTEXT else _UP_TO_3_1
        return Advice(text, notes=(_KIND,))
    return Advice(_HELP[part])


def _is_in_own_context(module: Module, node: ast.AST) -> bool:
    """Whether the function itself opens the request context around `node`."""
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode):
            return False
        if isinstance(parent, ast.With) and any(
            last_name(without_call(item.context_expr)) in _MAKERS for item in parent.items
        ):
            return True
    return False
