"""What a project writes to `g`: whether a name is free there, or has a value."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from flask_ctxfix.context_flow import Use
from flask_ctxfix.flask_facts import KEPT_ON_G, METHODS_OF_G
from flask_ctxfix.module import Module
from flask_ctxfix.named import is_imported
from flask_ctxfix.project import Project
from flask_ctxfix.syntax import last_name

# What gives a name on `g` a value, and its module.
Write = tuple[Module, ast.expr]
_SETTING = frozenset({"setattr", "setdefault"})


def why_not_free_on_g(name: str, project: Project) -> str | None:
    """Return why something else on `g` has a name, or may have it."""
    return project.memo(("name on g", name), lambda: _why_not_free(name, project))


def _why_not_free(name: str, project: Project) -> str | None:
    if name in METHODS_OF_G:
        return f"`{name}` is a method of `g`"
    package = package_keeping(name, project)
    if package is not None:
        return f"`{package}` uses `g.{name}` itself"
    modules = project.parsed(project.naming(name))
    is_taken = any(name in _names_on_g(module, project) for module in modules)
    return f"the project uses `g.{name}` for something else" if is_taken else None


def package_keeping(name: str, project: Project) -> str | None:
    """Return the package that a project imports, and that keeps something on `g` under a name."""
    packages = (each for each, names in KEPT_ON_G.items() if name in names)
    return next((each for each in packages if is_imported(project, each)), None)


def is_missing_on_g(use: Use, project: Project) -> bool:
    """Whether a use reads an attribute of `g` that nothing is seen to write.

    What fails elsewhere would fail in the view, if it were read there.
    """
    is_read = use.of == "flask.g" and use.access == "read" and use.attribute not in METHODS_OF_G
    return is_read and not writes_on_g(use.attribute, project)


def writes_on_g(name: str, project: Project) -> list[Write]:
    """Return where code of the project, but for its tests, gives a name on `g` a value.

    Where none does, reading it fails, unless something that is not seen has done so.
    """

    def compute() -> list[Write]:
        modules = project.parsed(project.naming_outside_tests(name))
        return [(m, node) for m in modules for node in _written_on_g(m, project).get(name, ())]

    return project.memo(("written on g", name), compute)


def _written_on_g(module: Module, project: Project) -> dict[str, list[ast.expr]]:
    """Return what a module writes: ``g.name = …``, ``setattr(g, "name", …)`` and their like."""

    def compute() -> dict[str, list[ast.expr]]:
        parents = module.scopes.parents
        found: dict[str, list[ast.expr]] = defaultdict(list)
        for read in project.uses_of(module, {"g"}):
            parent = parents[read]
            if isinstance(parent, ast.Attribute) and isinstance(parent.ctx, ast.Store):
                found[parent.attr].append(parent)
            called = parents[parent] if isinstance(parent, ast.Attribute) else parent
            if isinstance(called, ast.Call) and last_name(called.func) in _SETTING:
                for name in dict.fromkeys(_texts(called.args)):
                    found[name].append(called)
        return found

    return module.memo("written on g", compute)


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
