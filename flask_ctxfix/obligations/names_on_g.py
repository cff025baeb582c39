"""What a project writes to `g`: whether a name is free there, or has a value."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from flask_ctxfix.context_flow import Use
from flask_ctxfix.flask_facts import KEPT_ON_G, METHODS_OF_G
from flask_ctxfix.module import Module
from flask_ctxfix.named import is_imported
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name

_SETTING = frozenset({"setattr", "setdefault"})


def why_not_free_on_g(name: str, project: Project) -> str | None:
    """Return why something else on `g` has a name, or may have it."""
    return project.memo(("name on g", name), lambda: _why_not_free(name, project))


def _why_not_free(name: str, project: Project) -> str | None:
    if name in METHODS_OF_G:
        return f"`{name}` is a method of `g`"
    for package, names in KEPT_ON_G.items():
        if name in names and is_imported(project, package):
            return f"`{package}` uses `g.{name}` itself"
    modules = project.parsed(project.naming(name))
    is_taken = any(name in _names_on_g(module, project) for module in modules)
    return f"the project uses `g.{name}` for something else" if is_taken else None


def is_missing_on_g(use: Use, project: Project) -> bool:
    """Whether a use reads an attribute of `g` that nothing is seen to write.

    What fails elsewhere would fail in the view, if it were read there.
    """
    is_read = use.of == "flask.g" and use.access == "read" and use.attribute not in METHODS_OF_G
    return is_read and not is_written_on_g(use.attribute, project)


def is_written_on_g(name: str, project: Project) -> bool:
    """Whether some code of the project gives a name on `g` a value.

    Where none does, reading it fails, unless something that is not seen has done so.
    """

    def compute() -> bool:
        modules = project.parsed(project.naming_outside_tests(name))
        return any(name in _written_on_g(module, project) for module in modules)

    return project.memo(("written on g", name), compute)


def _written_on_g(module: Module, project: Project) -> frozenset[str]:
    """Return what a module writes: ``g.name = …``, ``setattr(g, "name", …)`` and their like."""

    def compute() -> Iterator[str]:
        parents = module.scopes.parents
        for read in project.uses_of(module, {"g"}):
            parent = parents[read]
            if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Store):
                yield parent.attr
            called = parents[parent] if isinstance(parent, ast.Attribute) else parent
            if isinstance(called, ast.Call) and last_name(called.func) in _SETTING:
                yield from _texts(called.args)

    return module.memo("written on g", lambda: frozenset(compute()))


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the strings that stand among some nodes."""
    for each in nodes:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _names_on_g(module: Module, project: Project) -> frozenset[str]:
    """Return what a module may call something on `g`: attributes of it, and strings beside it."""

    def compute() -> Iterator[str]:
        parents = module.scopes.parents
        for read in project.uses_of(module, {"g"}):
            parent = parents[read]
            if isinstance(parent, ast.Attribute):
                yield parent.attr
            yield from _texts(ast.walk(parents.get(parent, parent)))

    return module.memo("names on g", lambda: frozenset(compute()))
