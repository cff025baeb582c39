"""Which files of a project import which."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.project import Module, Project


def imported_files(
    module: Module, project: Project, node: ast.Import | ast.ImportFrom
) -> Iterator[str]:
    """Yield the other files of the project that an import reads, submodules included."""
    found: list[str | None] = []
    if isinstance(node, ast.ImportFrom):
        found.append(project.source_of(module.path, node))
        for alias in node.names:
            inner = ".".join(filter(None, (node.module, alias.name)))
            if node.level:
                found.append(project.find_relative(module.path, inner, node.level))
            else:
                found.append(project.find_module(inner, module.path))
    else:
        for alias in node.names:
            parts = alias.name.split(".")
            dotted = (".".join(parts[: count + 1]) for count in range(len(parts)))
            found += [project.find_module(each, module.path) for each in dotted]
    yield from (path for path in found if path is not None and path != module.path)


def importers(module: Module, project: Project) -> Iterator[Module]:
    """Yield the modules, not of tests, that import a module."""
    name = project.dotted_name(module.path).rpartition(".")[2]
    paths = project.outside_tests(name) if name else []
    return project.parsed(path for path in paths if module.path in _imports_of(path, project))


def importing(
    module: Module, project: Project, *, is_end: Callable[[Module], bool] = lambda module: False
) -> Iterator[Module]:
    """Yield a module, and those that import it, themselves or by others.

    One that `is_end` holds of is left out, and so are those that import it only by that.
    """
    seen = {module.path}
    left = [module]
    while left:
        current = left.pop()
        if is_end(current):
            continue
        yield current
        new = [each for each in importers(current, project) if each.path not in seen]
        seen.update(each.path for each in new)
        left += new


def _imports_of(path: str, project: Project) -> frozenset[str]:
    """Return the files that the one at `path` imports anywhere."""

    def compute() -> frozenset[str]:
        found: set[str] = set()
        for module in project.parsed([path]):
            for plain in module.scopes.nodes(ast.Import):
                found.update(imported_files(module, project, plain))
            for node in module.scopes.nodes(ast.ImportFrom):
                found.update(imported_files(module, project, node))
        return frozenset(found)

    return project.memo(("imports of", path), compute)
