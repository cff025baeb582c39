"""Which expressions are a Flask application or a blueprint, as far as the project tells."""

from __future__ import annotations

import ast
from typing import Literal

from flask_ctxfix import flask_facts
from flask_ctxfix.origins import UNKNOWN
from flask_ctxfix.project import Module, Project

Instance = Literal["Flask", "Blueprint", "other"]

_PROXY = "current_app"


def instance_of(module: Module, project: Project, node: ast.expr) -> Instance | None:
    """Return what `node` is an instance of; None where the project does not tell.

    "other" is an instance of a class that is certainly neither Flask's nor derived from one.
    """
    if project.flask_name(module, node) == _PROXY:
        return "Flask"
    kinds = {
        _kind_of_value(owner, project, binding.value)
        for owner, binding in project.bindings(module, node)
    }
    return kinds.pop() if len(kinds) == 1 else None


def _kind_of_value(module: Module, project: Project, value: ast.expr | None) -> Instance | None:
    return class_kind(module, project, value.func) if isinstance(value, ast.Call) else None


def class_kind(module: Module, project: Project, node: ast.expr, depth: int = 0) -> Instance | None:
    """Return which of Flask's classes the class `node` is or inherits from."""
    name = project.flask_name(module, node)
    if name in {"Flask", "Blueprint"}:
        return "Flask" if name == "Flask" else "Blueprint"
    for owner, binding in project.bindings(module, node):
        if isinstance(binding.node, ast.ClassDef) and depth < 10:
            kinds = [class_kind(owner, project, base, depth + 1) for base in binding.node.bases]
            found = next((kind for kind in kinds if kind in ("Flask", "Blueprint")), None)
            return "other" if found is None and set(kinds) <= {"other"} else found
    origins = project.origins(module, node)
    is_foreign = all(
        origin != UNKNOWN
        and not origin.startswith("builtins.")
        and origin[:1].isalpha()
        and flask_facts.name_of(origin) is None
        for origin in origins
    )
    return "other" if is_foreign and origins and _is_class_name(origins) else None


def _is_class_name(origins: frozenset[str]) -> bool:
    """Whether every qualified name ends as classes are spelled; a factory may return anything."""
    return all(origin.rpartition(".")[2][:1].isupper() for origin in origins)


def imports_flask(module: Module) -> bool:
    """Whether a module imports Flask or an extension of it, rather than a framework like it."""
    packages = imported_packages(module)
    return any(name == "flask" or name.startswith("flask_") for name in packages)


def imported_packages(module: Module) -> frozenset[str]:
    """Return the top-level names of all that a module imports."""

    def compute() -> frozenset[str]:
        packages = set()
        for node in module.scopes.nodes(ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        for source in module.scopes.nodes(ast.ImportFrom):
            if source.level == 0:
                packages.add((source.module or "").partition(".")[0])
        return frozenset(packages)

    return module.memo("imported packages", compute)
