"""Whether code names something by a string, or takes it by a star, where no name shows it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name

_BY_STRING = frozenset({"delattr", "getattr", "hasattr", "setattr", "object", "setitem", "patch"})
_NAMESPACES = frozenset({"globals", "vars"})
_IMPORTERS = frozenset({"__import__", "import_module"})
_SEPARATORS = re.compile("[.:]")
_PATH = re.compile(r"[\w.:]*[.:](\w+)|(\w+)")


def strings_naming(name: str, module: Module, owner: str | None = None) -> Iterator[str]:
    """Yield the strings of a module that may stand for what has a name: ``"app.rows"``.

    With an `owner`, the module or class that holds it, those of another one do not.
    """
    for text, node in _strings_of(module).get(name, ()):
        head = text.removesuffix(name)
        if owner is None or _SEPARATORS.split(head[:-1])[-1] in ("", owner):
            parent = module.scopes.parents[node]
            is_key = isinstance(parent, ast.Subscript) and _is_namespace(parent.value)
            if head or is_key or _takes_names(parent, node):
                yield text


def _strings_of(module: Module) -> dict[str, list[tuple[str, ast.Constant]]]:
    """Return the strings of a module that may be names, by the name that each ends with."""

    def compute() -> dict[str, list[tuple[str, ast.Constant]]]:
        found: dict[str, list[tuple[str, ast.Constant]]] = defaultdict(list)
        for text, node in module.scopes.strings:
            path = _PATH.fullmatch(text)
            if path is not None:
                found[path[1] or path[2]].append((path[0], node))
        return found

    return module.memo("strings by their last name", compute)


def _takes_names(call: ast.AST, node: ast.Constant) -> bool:
    """Whether a call looks its argument up as a name, or may: ``patch.object(thing, "rows")``."""
    if not isinstance(call, ast.Call):
        return False
    return last_name(call.func) in _BY_STRING or node in call.args[1:2]


def _is_namespace(node: ast.expr) -> bool:
    """Whether an expression is the dictionary of the names that an object or a module holds."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in _NAMESPACES
    return last_name(node) == "__dict__"


def is_imported_by_name(stem: str, module: Module) -> bool:
    """Whether a module imports one by a string that ends with `stem`."""
    for call in module.scopes.calls_of(_IMPORTERS):
        if call.args:
            text = getattr(call.args[0], "value", None)
            if isinstance(text, str) and text.rpartition(".")[2] == stem:
                return True
    return False


def may_be_starred(name: str, module: Module, project: Project) -> bool:
    """Whether a module may have a name from a star import of a file of the project."""
    top = module.scopes.module
    return (
        name in top.reads
        and name not in top.bindings
        and any(
            project.source_of(module.path, star) is not None
            for scope in module.scopes.every
            for star in scope.star_imports
        )
    )
