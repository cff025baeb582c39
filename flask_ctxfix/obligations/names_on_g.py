"""Whether a name is free on `g`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.flask_facts import KEPT_ON_G, METHODS_OF_G
from flask_ctxfix.module import Module
from flask_ctxfix.named import is_imported
from flask_ctxfix.project import Project


def why_not_free_on_g(name: str, project: Project) -> str | None:
    """Return why something else on `g` has a name, or may have it."""
    return project.memo(("name on g", name), lambda: _why_not_free(name, project))


def _why_not_free(name: str, project: Project) -> str | None:
    if name in METHODS_OF_G:
        return f"`g.{name}` is a method"
    for package, names in KEPT_ON_G.items():
        if name in names and is_imported(project, package):
            return f"`{package}` keeps its own `g.{name}`"
    modules = project.parsed(project.naming(name))
    is_taken = any(name in _names_on_g(module, project) for module in modules)
    return f"`g.{name}` is something else already" if is_taken else None


def _names_on_g(module: Module, project: Project) -> frozenset[str]:
    """Return what a module may call something on `g`: attributes of it, and strings beside it."""

    def compute() -> Iterator[str]:
        parents = module.scopes.parents
        for read in project.uses_of(module, {"g"}):
            parent = parents[read]
            if isinstance(parent, ast.Attribute):
                yield parent.attr
            for each in ast.walk(parents.get(parent, parent)):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value

    return module.memo("names on g", lambda: frozenset(compute()))
