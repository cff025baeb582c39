"""Imports that nothing else needs, once the edits of a file have removed their last use."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from flask_ctxfix.source import SourceError
from flask_ctxfix.statements import blocks_in

if TYPE_CHECKING:
    from flask_ctxfix.codemod import Edit
    from flask_ctxfix.module import Module
    from flask_ctxfix.project import Project
    from flask_ctxfix.scopes import Binding

_NOQA = re.compile(r"#\s*noqa\b", re.IGNORECASE)
# What may hold a string that is a type.
_TYPED = (
    *(ast.arg, ast.AnnAssign, ast.FunctionDef, ast.AsyncFunctionDef),
    *(ast.BinOp, ast.Subscript, ast.Tuple, ast.Call),
)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def spare_imports(module: Module, project: Project, edits: Sequence[Edit]) -> Iterator[Binding]:
    """Yield the imports that may go with their last use.

    Those of a package's `__init__.py` are there for others; so is a name that another file or a
    string takes from this one. A line with a `noqa` is meant as it is. What an import does to the
    project, such as to register views, is not to get lost.
    """
    is_package = module.path.endswith("__init__.py")
    changed = _changed_rows(module, edits)
    code = "\n".join(_codes(edits))
    for scope in module.scopes.every:
        for name, bindings in scope.bindings.items():
            if (is_package and scope.parent is None) or not scope.reads.get(name):
                continue
            if not all(each.kind == "import" and each.alias for each in bindings):
                continue
            word = re.compile(rf"\b{re.escape(name)}\b")
            if word.search(code) or _is_spelled(module, word):
                continue
            if scope.parent is None and _is_taken(module, project, name):
                continue
            for binding in bindings:
                if _may_go(module, project, binding, changed):
                    yield binding


def _may_go(module: Module, project: Project, binding: Binding, changed: set[int]) -> bool:
    node, alias = binding.node, binding.alias
    if not isinstance(node, ast.Import | ast.ImportFrom) or alias is None:
        return False
    outer = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.stmt):
            outer = parent  # type: ignore[assignment]
    if outer is not node and changed.isdisjoint(_rows(outer)):
        return False
    rows = [node.lineno, *_rows(alias)]
    if any(_NOQA.search(module.line(row)) for row in rows):
        return False
    return _imports_quietly(module, project, node, [alias], set())


def left_of_import(module: Module, project: Project, node: ast.stmt) -> str | None:
    """Return the import that still runs a module of the project of which no name is needed.

    None for a module that does no more than to define what is in it.
    """
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return None
    if _imports_quietly(module, project, node, node.names, set()):
        return None
    if not node.level:
        return f"import {node.module}"
    package, _, name = node.module.rpartition(".")
    return f"from {'.' * node.level}{package} import {name}"


def _rows(node: ast.stmt | ast.alias) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _changed_rows(module: Module, edits: Iterable[Edit]) -> set[int]:
    return {module.position(edit.span.start)[0] for edit in edits}


def _codes(edits: Iterable[Edit]) -> Iterator[str]:
    """Yield the code that edits bring in."""
    for edit in edits:
        yield from (text for text in vars(edit).values() if isinstance(text, str))


def _is_spelled(module: Module, word: re.Pattern[str]) -> bool:
    """Whether a string that may be an annotation, or the comment of a type, has a name."""
    parents = module.scopes.parents
    strings = (text for text, node in module.scopes.strings if isinstance(parents[node], _TYPED))
    comments = (line for line in module.text.splitlines() if "# type:" in line)
    return any(word.search(text) for text in (*strings, *comments))


def _is_taken(module: Module, project: Project, name: str) -> bool:
    """Whether another file may take a name from this one, by an import or attribute or string."""
    own = module.path
    for other in project.parsed(path for path in project.naming(name) if path != own):
        for node in other.scopes.nodes(ast.ImportFrom):
            is_named = any(alias.name in (name, "*") for alias in node.names)
            if is_named and project.source_of(other.path, node) == own:
                return True
        attributes = other.scopes.attributes.get(name, ())
        if any(project.module_of(other, each.value) == own for each in attributes):
            return True
        if any(text.endswith(f".{name}") for text, _ in other.scopes.strings):
            return True
    return False


def _imported(
    module: Module, project: Project, node: ast.Import | ast.ImportFrom, alias: ast.alias
) -> Iterator[str]:
    """Yield the files of the project that an import of a name runs."""
    if isinstance(node, ast.Import):
        places = [project.find_module(alias.name, module.path)]
    else:
        inner = f"{node.module}.{alias.name}" if node.module else alias.name
        places = [
            project.source_of(module.path, node),
            project.find_relative(module.path, inner, node.level)
            if node.level
            else project.find_module(inner, module.path),
        ]
    yield from {place for place in places if place is not None and place != module.path}


def _imports_quietly(
    module: Module,
    project: Project,
    node: ast.Import | ast.ImportFrom,
    names: Iterable[ast.alias],
    asked: set[str],
) -> bool:
    """Whether to import names does no more than to define what is in files of the project."""
    paths = {path for alias in names for path in _imported(module, project, node, alias)}
    return all(_is_quiet(project, path, asked) for path in paths)


def _is_quiet(project: Project, path: str, asked: set[str]) -> bool:
    """Whether to import a file does no more than to define what is in it."""
    if path in asked:
        return True
    asked.add(path)
    try:
        module = project.module(path)
    except SourceError:
        return False
    return all(_is_quiet_statement(module, project, each, asked) for each in module.tree.body)


def _is_quiet_statement(
    module: Module, project: Project, statement: ast.stmt, asked: set[str]
) -> bool:
    if isinstance(statement, _DEFINITIONS):
        body = statement.body if isinstance(statement, ast.ClassDef) else []
        return not statement.decorator_list and all(
            _is_quiet_statement(module, project, each, asked) for each in body
        )
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return _imports_quietly(module, project, statement, statement.names, asked)
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return _is_quiet_value(module, project, statement)
    if isinstance(statement, ast.Try | ast.If):
        inner = (
            each
            for node in (statement, *getattr(statement, "handlers", ()))
            for each in blocks_in(node)
        )
        return all(
            _is_quiet_statement(module, project, each, asked) for block in inner for each in block
        )
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _is_quiet_value(module: Module, project: Project, statement: ast.stmt) -> bool:
    """Whether a value is made of nothing that the project has, which could note that it is used."""
    calls = [each for each in ast.walk(statement) if isinstance(each, ast.Call)]
    names = {
        name.id
        for call in calls
        for name in ast.walk(call)
        if isinstance(name, ast.Name) and not hasattr(builtins, name.id)
    }
    bound = [each for name in names for each in module.scopes.module.bindings.get(name, ())]
    return all(
        isinstance(each.node, ast.Import | ast.ImportFrom)
        and each.alias is not None
        and not any(_imported(module, project, each.node, each.alias))
        for each in bound
    )


def exported_names(module: Module) -> frozenset[str]:
    """Return the strings of the module's ``__all__``."""

    def compute() -> frozenset[str]:
        bindings = module.scopes.module.bindings.get("__all__", [])
        values = [binding.value for binding in bindings if binding.value is not None]
        return frozenset(
            node.value
            for value in values
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )

    return module.memo("exported names", compute)
