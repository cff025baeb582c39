"""What goes with the context of a ``with``, and what of its text speaks against taking it away."""

from __future__ import annotations

import ast

from flask_ctxfix.module import Module
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.source import Span
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
    seen = {node}
    left = [node]
    while left:
        names = [each for each in ast.walk(left.pop()) if isinstance(each, ast.Name)]
        for binding in filter(None, (_only_binding(module, name) for name in names)):
            if binding.alias is not None:
                if getattr(binding.node, "module", "") == "flask":
                    found.append(module.span(binding.alias))
            elif binding.value is not None and binding.value not in seen:
                if _is_taken_out(binding.node, binding.value):
                    found.append(module.span(binding.node))
                    seen.add(binding.value)
                    left.append(binding.value)
    return tuple(found)


def _only_binding(module: Module, name: ast.Name) -> Binding | None:
    bindings = module.scopes.scope_of(name).home(name.id).bindings.get(name.id, [])
    return bindings[0] if len(bindings) == 1 else None


def _is_taken_out(statement: ast.AST, value: ast.expr) -> bool:
    """Whether a statement only gives a name to a proxy, or to what is behind it."""
    is_alone = isinstance(statement, ast.Assign) and len(statement.targets) == 1
    named = without_call(value)
    is_object = isinstance(named, ast.Attribute) and named.attr == "_get_current_object"
    return is_alone and (is_object or (isinstance(value, ast.Name)))
