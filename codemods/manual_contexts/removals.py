"""What goes with the context of a ``with``, and what of its text speaks against taking it away."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Span
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import without_call


def is_commented(module: Module, node: ast.With) -> bool:
    """Whether a comment stands among or behind the items of a ``with``.

    What it says is about the context, or about all items.
    """
    last = node.items[-1]
    end = module.span(last.optional_vars or last.context_expr).end
    body = module.span(node.body[0]).start
    rest = module.text[end:body].splitlines()[:1]
    return "#" in module.text[module.span(node).start : end] + "".join(rest)


def is_used(module: Module, target: ast.expr) -> bool:
    """Whether the name that a context is given is read, or may be."""
    if not isinstance(target, ast.Name):
        return True
    home = module.scopes.scope_of(target).home(target.id)
    return not isinstance(home.node, FunctionNode) or target.id in home.reads


def retired(module: Module, node: ast.expr) -> tuple[Span, ...]:
    """Return what only served to name the application: imports from Flask, and what they gave."""
    found: list[Span] = []
    for name in (each for each in ast.walk(node) if isinstance(each, ast.Name)):
        bindings = module.scopes.scope_of(name).home(name.id).bindings.get(name.id, [])
        if len(bindings) != 1:
            continue
        (binding,) = bindings
        if binding.alias is not None:
            is_flask = isinstance(binding.node, ast.ImportFrom) and binding.node.module == "flask"
            found += [module.span(binding.alias)] if is_flask else []
        elif binding.value is not None and _is_taken_out(binding.node, binding.value):
            found += [module.span(binding.node), *retired(module, binding.value)]
    return tuple(found)


def _is_taken_out(statement: ast.AST, value: ast.expr) -> bool:
    """Whether a statement only gives a name to a proxy, or to what is behind it."""
    is_alone = isinstance(statement, ast.Assign) and len(statement.targets) == 1
    named = without_call(value)
    is_object = isinstance(named, ast.Attribute) and named.attr == "_get_current_object"
    return is_alone and (is_object or (isinstance(value, ast.Name)))
