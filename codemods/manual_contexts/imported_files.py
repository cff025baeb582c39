"""Which files of a project import which."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator

from flask_ctxfix.module import Module
from flask_ctxfix.project import Project


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

    def compute() -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for path in sorted(project.paths):
            for imported in _imports_of(path, project) if not project.is_test(path) else ():
                found[imported].append(path)
        return found

    return project.parsed(project.memo("importers", compute).get(module.path, ()))


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
    found: set[str] = set()
    for module in project.parsed([path]):
        nodes = module.scopes.nodes
        imports: list[ast.Import | ast.ImportFrom] = [*nodes(ast.Import), *nodes(ast.ImportFrom)]
        for node in imports:
            found.update(imported_files(module, project, node))
    return frozenset(found)
