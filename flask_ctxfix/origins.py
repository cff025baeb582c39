"""What a name stands for, as a qualified name, across the files of a project.

Only what a module binds at its top level is needed of other modules; that is read off their syntax
trees, which takes a fraction of the time that their scopes would.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix import flask_facts
from flask_ctxfix.scopes import Binding

if TYPE_CHECKING:
    from flask_ctxfix.project import Module, Project

Origins = frozenset[str]

UNKNOWN = "?"
NONE = "None"

_DEEPEST = 30
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Exports(NamedTuple):
    """What the top level of a module binds; a definition is there without its node."""

    bindings: dict[str, list[Binding]]
    star_imports: list[ast.ImportFrom]


class _Bound(NamedTuple):
    """What binds a name: None if nothing does, but for `star_imports` or the builtins."""

    key: Hashable
    bindings: Sequence[Binding] | None
    star_imports: Sequence[ast.ImportFrom]


_Lookup = Callable[[ast.Name], _Bound]
_Seen = tuple[Hashable, ...]


class Resolver:
    """Follows names through assignments, imports and the modules of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def of_expression(self, module: Module, node: ast.expr) -> Origins:
        """Return the qualified names that an expression may stand for."""
        return frozenset(self._expression(module.path, _scoped(module), node, ()))

    def of_binding(self, module: Module, binding: Binding) -> Origins:
        """Return the qualified names that a binding may give its name."""
        return frozenset(self._binding(module.path, _scoped(module), binding, ()))

    def _expression(self, path: str, lookup: _Lookup, node: ast.expr, seen: _Seen) -> Iterator[str]:
        if isinstance(node, ast.Name):
            yield from self._name(path, lookup, node, seen)
        elif isinstance(node, ast.Attribute):
            for base in set(self._expression(path, lookup, node.value, seen)) - {NONE}:
                if base == UNKNOWN:
                    yield UNKNOWN
                else:
                    yield from self._canonical(f"{base}.{node.attr}", path, seen)
        elif isinstance(node, ast.Constant) and node.value is None:
            yield NONE
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            for value in node.values:
                yield from self._expression(path, lookup, value, seen)
        else:
            yield UNKNOWN

    def _name(self, path: str, lookup: _Lookup, node: ast.Name, seen: _Seen) -> Iterator[str]:
        key, bindings, star_imports = lookup(node)
        if key in seen or len(seen) > _DEEPEST:
            yield UNKNOWN
        elif bindings is None:
            yield from self._starred(path, star_imports, node.id, (*seen, key))
        else:
            for binding in bindings:
                yield from self._binding(path, lookup, binding, (*seen, key))

    def _binding(self, path: str, lookup: _Lookup, binding: Binding, seen: _Seen) -> Iterator[str]:
        node = binding.node
        if binding.alias is not None and isinstance(node, ast.Import):
            bound = binding.alias.asname is not None
            yield binding.alias.name if bound else binding.alias.name.partition(".")[0]
        elif binding.alias is not None and isinstance(node, ast.ImportFrom):
            yield from self._imported(path, node, binding.alias.name, seen)
        elif binding.value is not None:
            yield from self._expression(path, lookup, binding.value, seen)
        else:
            yield UNKNOWN

    def _imported(self, path: str, node: ast.ImportFrom, name: str, seen: _Seen) -> Iterator[str]:
        if node.level == 0:
            yield from self._canonical(f"{node.module}.{name}", path, seen)
            return
        source = self._project.find_relative(path, node.module, node.level)
        found = self._member(source, name, seen) if source is not None else []
        inner = ".".join(filter(None, (node.module, name)))
        submodule = self._project.find_relative(path, inner, node.level)
        if not found and submodule is not None:
            found = [self._project.dotted_name(submodule)]
        yield from found or (UNKNOWN,)

    def _canonical(self, dotted: str, path: str, seen: _Seen) -> list[str]:
        owner, _, name = dotted.rpartition(".")
        source = self._project.find_module(owner, path) if owner else None
        if source is None or source == path:
            return [dotted]
        return self._member(source, name, seen) or [dotted]

    def _member(self, path: str, name: str, seen: _Seen) -> list[str]:
        """Return what `name` is in the module at `path`; nothing if that does not bind it."""
        exports = self._project.exports(path)
        if exports is None:
            return [UNKNOWN]
        if name not in exports.bindings and not exports.star_imports:
            return []
        return list(self._name(path, _exported(path, exports), ast.Name(name), seen))

    def _starred(
        self, path: str, star_imports: Sequence[ast.ImportFrom], name: str, seen: _Seen
    ) -> Iterator[str]:
        """Yield what a name that nothing binds is: of a star import, or a builtin."""
        for node in star_imports:
            source = self._project.source_of(path, node)
            if source is not None and not name.startswith("_"):
                found = self._member(source, name, seen)
                if found and not all(origin.startswith("builtins.") for origin in found):
                    yield from found
                    return
            elif source is None and flask_facts.is_exported(node.module or "", name):
                yield f"flask.{name}"
                return
        yield UNKNOWN if star_imports else f"builtins.{name}"


def _scoped(module: Module) -> _Lookup:
    """Look names up in the scopes of a module."""

    def lookup(node: ast.Name) -> _Bound:
        scope = module.scopes.home_of(node)
        key = (module.path, scope.node, node.id)
        return _Bound(key, scope.bindings.get(node.id), scope.star_imports)

    return lookup


def _exported(path: str, exports: Exports) -> _Lookup:
    """Look names up among what the top level of a module binds."""

    def lookup(node: ast.Name) -> _Bound:
        return _Bound((path, node.id), exports.bindings.get(node.id), exports.star_imports)

    return lookup


def exports_of(tree: ast.Module) -> Exports:
    """Return what the statements at the top level of a module bind, also in their blocks."""
    exports = Exports({}, [])
    for statement in _top_level(tree):
        for binding in _bindings(statement):
            exports.bindings.setdefault(binding.name, []).append(binding)
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            exports.star_imports.append(statement)
    return exports


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    for name in _BLOCKS:
        for child in getattr(node, name, ()):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from _top_level(child)


def _bindings(node: ast.AST) -> Iterator[Binding]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            if alias.name != "*":
                local = alias.asname or alias.name.partition(".")[0]
                yield Binding(local, "import", node, alias=alias)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield Binding(node.name, "definition", ast.Pass())
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for part in ast.walk(target):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield Binding(part.id, "assign", ast.Pass(), value=_passed_on(part, node))
    else:
        for part in _targets(node):
            yield Binding(part.id, "other", ast.Pass())


def _passed_on(target: ast.Name, node: ast.Assign | ast.AnnAssign) -> ast.expr | None:
    """Return the value that an assignment gives a name alone, if another name may be it."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    followed = (ast.Name, ast.Attribute, ast.BoolOp, ast.Constant)
    return node.value if target in targets and isinstance(node.value, followed) else None


def _targets(node: ast.AST) -> Iterator[ast.Name]:
    """Yield the names that a loop, a `with`, an augmented assignment or a deletion binds."""
    fields: list[ast.AST | None] = [getattr(node, "target", None), *getattr(node, "targets", ())]
    fields += [item.optional_vars for item in getattr(node, "items", ())]
    for field in fields:
        for part in ast.walk(field) if field is not None else ():
            if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
                yield part
