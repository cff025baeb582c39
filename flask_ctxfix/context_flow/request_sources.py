"""What gives code data of a request, and what goes on holding data that it is given."""

from __future__ import annotations

import ast

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.values import Class, Foreign
from flask_ctxfix.flask_facts import FORM_BASES

G = "flask.g"
CONTEXTS = frozenset({"flask.request_ctx", "flask._request_ctx_stack.top"})
COPIES = frozenset({"contextvars.copy_context", "flask.copy_current_request_context"})
TEXT_METHODS = frozenset({"join", "format"})
# Functions that give back one of their arguments, from the second on.
PASSING_CALLS = frozenset({"functools.partial", "typing.cast"})
READING_CALLS = frozenset({"builtins.getattr"})


def is_form(values: Values, owner: Class) -> bool:
    """Whether the instances of a class are forms, which are filled from the request."""
    bases = {base.name for base in values.bases(owner) if isinstance(base, Foreign)}
    return not FORM_BASES.isdisjoint(bases)


def is_record(node: ast.ClassDef) -> bool:
    """Whether the objects of a class only hold data: what does more is a service of its own."""
    methods = (each for each in node.body if isinstance(each, ast.FunctionDef))
    return all(
        each.decorator_list or (each.name.startswith("__") and each.name.endswith("__"))
        for each in methods
    ) and not any(isinstance(each, ast.AsyncFunctionDef) for each in node.body)
