"""How code names what it gets, sets or imports by a string."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.project import Module
from flask_ctxfix.syntax import last_name

_BY_STRING = frozenset({"delattr", "getattr", "hasattr", "setattr", "object", "setitem", "patch"})
_NAMESPACES = frozenset({"globals", "vars"})
_IMPORTERS = frozenset({"__import__", "import_module"})


def strings_naming(name: str, owner: str, module: Module) -> Iterator[str]:
    """Yield the strings of a module that may stand for what `owner`, its module or class, holds."""
    for text, node in _strings_of(module).get(name, ()):
        if _is_for(text, owner):
            parent = module.scopes.parents[node]
            by = last_name(getattr(parent, "func", None))
            is_key = isinstance(parent, ast.Subscript) and _is_namespace(parent.value)
            if by in _BY_STRING or is_key or "." in text:
                yield text


def _strings_of(module: Module) -> dict[str, list[tuple[str, ast.Constant]]]:
    """Return the strings of a module by the name that each ends with."""

    def compute() -> dict[str, list[tuple[str, ast.Constant]]]:
        found: dict[str, list[tuple[str, ast.Constant]]] = defaultdict(list)
        for text, node in module.scopes.strings:
            found[text.rpartition(".")[2]].append((text, node))
        return found

    return module.memo("strings by their last name", compute)


def _is_namespace(node: ast.expr) -> bool:
    """Whether an expression is the dictionary of the names that an object or a module holds."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in _NAMESPACES
    return last_name(node) == "__dict__"


def _is_for(text: str, owner: str) -> bool:
    head = text.rpartition(".")[0]
    return not head or head.rpartition(".")[2] == owner


def is_imported_by_name(stem: str, module: Module) -> bool:
    """Whether a module imports one by a string that ends with `stem`."""
    for call in module.scopes.calls_of(_IMPORTERS):
        if call.args:
            text = getattr(call.args[0], "value", None)
            if isinstance(text, str) and text.rpartition(".")[2] == stem:
                return True
    return False
