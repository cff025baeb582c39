"""One scope of a module: which names live in it, and what binds and reads them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

Held = TypeVar("Held")
# Shared: an empty set of its own for each scope adds up.
_NO_NAMES: frozenset[str] = frozenset()

FunctionDefinition = ast.FunctionDef | ast.AsyncFunctionDef
FunctionNode = FunctionDefinition | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
# Of Python 3.12 and newer: `class C[T]`, `def f[*T]`, `type A[**P] = ...`.
TYPE_PARAMETERS: tuple[type[ast.AST], ...] = tuple(
    vars(ast)[kind] for kind in ("TypeVar", "ParamSpec", "TypeVarTuple") if kind in vars(ast)
)

BindingKind = Literal["import", "assign", "definition", "parameter", "other"]


class ByName(dict[str, list[Held]]):
    """What is held for each name: nothing for any other, whoever asks."""

    __slots__ = ()

    def __missing__(self, name: str) -> list[Held]:
        return []


class Binding:
    """One place that gives a name its value.

    `node` is the statement (for a parameter: the argument), `alias` the part of an import that
    binds, `value` the expression of a plain assignment to the name alone.
    """

    __slots__ = ("alias", "kind", "name", "node", "value")

    def __init__(
        self,
        name: str,
        kind: BindingKind,
        node: ast.AST,
        alias: ast.alias | None = None,
        value: ast.expr | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.node = node
        self.alias = alias
        self.value = value


class Scope:
    """A module, class, function, lambda or comprehension, or what type parameters live in.

    `node` opened it: of type parameters, the first. `enclosing` is where a name is looked up next:
    not in the class around a function. `bindings` and `reads` hold the names that live here,
    wherever in the module they are bound or read; reads include deletions. `unbound` are other
    names that are local here: those that get no value, and what Python calls private names of
    classes. `of_module` are those that are declared to be the module's.
    """

    __slots__ = (
        *("bindings", "enclosing", "node", "of_module", "parent", "reads"),
        *("star_imports", "unbound"),
    )

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.enclosing: Scope | None = parent
        if parent is not None and parent.is_class:
            self.enclosing = parent.enclosing
        self.bindings: dict[str, list[Binding]] = ByName()
        self.reads: dict[str, list[ast.Name]] = ByName()
        self.star_imports: Sequence[ast.ImportFrom] = ()
        self.unbound = self.of_module = _NO_NAMES

    @property
    def is_class(self) -> bool:
        """Whether this is the body of a class, which nested functions do not see."""
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_comprehension(self) -> bool:
        """Whether this is what a comprehension binds its own names in."""
        return isinstance(self.node, Comprehension)

    def home(self, name: str) -> Scope:
        """Return the scope that binds `name` for code here; the module if nothing does."""
        mangled = self.mangled(name) if name.startswith("__") else name
        scope = self
        while scope.enclosing is not None:
            if scope.bindings.get(mangled) or mangled in scope.unbound:
                return scope
            if mangled in scope.of_module:
                return self.module
            seen = scope.seen_by_parameters if scope is self else None
            if seen is not None:
                return seen.home(name)
            scope = scope.enclosing
        return scope

    @property
    def seen_by_parameters(self) -> Scope | None:
        """The scope around type parameters, which they see even if it is a class."""
        return self.parent if isinstance(self.node, TYPE_PARAMETERS) else None

    def mangled(self, name: str) -> str:
        """Return what Python calls a name here: one of two underscores is private to its class."""
        nodes = (scope.node for scope in self.and_outer())
        owner = next((node.name for node in nodes if isinstance(node, ast.ClassDef)), "")
        return mangled(name, owner)

    def and_outer(self) -> Iterator[Scope]:
        """Yield this scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        *_, outermost = self.and_outer()
        return outermost

    def chain(self) -> Iterator[Scope]:
        """Yield the scopes that a name read here is looked up in, innermost first."""
        yield self
        scope = self.seen_by_parameters or self.enclosing
        while scope is not None:
            yield scope
            scope = scope.enclosing

    def binds(self, name: str) -> bool:
        """Whether something binds `name` in this very scope."""
        return bool(self.bindings.get(name))


def mangled(name: str, owner: str) -> str:
    """Return what Python calls a name in the body of a class, which is called `owner`."""
    is_private = name.startswith("__") and not name.endswith("__") and owner.strip("_")
    return f"_{owner.lstrip('_')}{name}" if is_private else name
