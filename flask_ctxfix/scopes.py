"""Scopes of one module: what binds a name, and which reads see that binding.

Which scope a name belongs to is CPython's own answer (`symtable`); this module lays those tables
over the syntax tree and keeps, for every scope, the nodes that bind and read its names.
"""

from __future__ import annotations

import ast
import symtable
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

from flask_ctxfix.syntax import last_name

Node = TypeVar("Node", bound=ast.AST)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = {
    ast.ListComp: "listcomp",
    ast.SetComp: "setcomp",
    ast.DictComp: "dictcomp",
    ast.GeneratorExp: "genexpr",
}
_COMPREHENSION = tuple(_COMPREHENSIONS)
_PLAIN = {"arg", "attr", "conversion", "ctx", "id", "kind", "level", "module", "op", "ops"}
# The fields that may hold nodes below; operators and contexts are shared by all of a tree.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _PLAIN)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
} | {ast.Constant: ()}

BindingKind = Literal["import", "assign", "definition", "parameter", "other"]


@dataclass(slots=True, eq=False)
class Binding:
    """One place that gives a name its value.

    `node` is the statement (for a parameter: the argument), `alias` the part of an import that
    binds, `value` the expression of a plain assignment to the name alone.
    """

    name: str
    kind: BindingKind
    node: ast.AST
    alias: ast.alias | None = None
    value: ast.expr | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function, lambda or comprehension.

    `own` are the names that are local here, `of_module` those that are the module's, as CPython
    mangles them. `bindings` and `reads` hold the names that live here, wherever in the module they
    are bound or read; reads include deletions.
    """

    node: ast.AST
    parent: Scope | None
    own: frozenset[str] = frozenset()
    of_module: frozenset[str] = frozenset()
    bindings: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    reads: dict[str, list[ast.Name]] = field(default_factory=lambda: defaultdict(list))
    star_imports: list[ast.ImportFrom] = field(default_factory=list)

    @property
    def is_class(self) -> bool:
        """Whether this is the body of a class, which nested functions do not see."""
        return isinstance(self.node, ast.ClassDef)

    def home(self, name: str) -> Scope:
        """Return the scope that binds `name` for code here; the module if nothing does."""
        mangled = self._mangled(name)
        if self.parent is None or mangled in self.own:
            return self
        if mangled in self.of_module:
            return self.module
        return self.parent._enclosing_home(mangled)

    def _enclosing_home(self, mangled: str) -> Scope:
        scope: Scope = self
        while scope.parent is not None:
            if not scope.is_class:
                if mangled in scope.own:
                    return scope
                if mangled in scope.of_module:
                    return scope.module
            scope = scope.parent
        return scope

    def _mangled(self, name: str) -> str:
        """Return what a name of two underscores is called inside of a class."""
        if not name.startswith("__") or name.endswith("__"):
            return name
        nodes = (scope.node for scope in self.and_outer())
        owner = next((node.name for node in nodes if isinstance(node, ast.ClassDef)), "")
        return f"_{owner.lstrip('_')}{name}" if owner.strip("_") else name

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
        for scope in self.and_outer():
            if scope is self or not scope.is_class:
                yield scope

    def binds(self, name: str) -> bool:
        """Whether something binds `name` in this very scope."""
        return name in self.bindings


class Scopes:
    """The scopes of a module, the parent of each node, and the scope that each node stands in."""

    def __init__(self, tree: ast.Module, text: str, filename: str) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self._scope_of: dict[ast.AST, Scope] = {}
        self._home_of: dict[ast.Name, Scope] = {}
        self._function_of: dict[ast.AST, FunctionNode | None] = {}
        self._nodes: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        self._pending: list[tuple[Scope, str, Binding | ast.Name]] = []
        self.module = Scope(tree, None)
        self._scope_of[tree] = self.module
        self._tables = {self.module: _Tables(symtable.symtable(text, filename, "exec"))}
        self._visit_children(tree, self.module)
        homes: dict[tuple[Scope, str], Scope] = {}
        for scope, name, use in self._pending:
            home = homes.get((scope, name))
            if home is None:
                home = homes[scope, name] = scope.home(name)
            if isinstance(use, Binding):
                home.bindings[name].append(use)
            else:
                home.reads[name].append(use)
                self._home_of[use] = home
        self._pending.clear()
        self._tables.clear()

    def nodes(self, kind: type[Node]) -> list[Node]:
        """Return the nodes of exactly this type, in the order of the text, scope by scope."""
        return cast("list[Node]", self._nodes.get(kind, []))

    def scope_of(self, node: ast.AST) -> Scope:
        """Return the scope that `node` is evaluated in; for a scope's own node, its outer scope."""
        current = self.parents.get(node, node)
        below, child = node, node
        while current not in self._scope_of:
            below, child, current = child, current, self.parents[current]
        scope = self._scope_of[current]
        return scope if self._inside(current, child, below) else self.scope_of(current)

    def home_of(self, name: ast.Name) -> Scope:
        """Return the scope that binds a name where it stands; the module if nothing does."""
        return self._home_of.get(name) or self.scope_of(name).home(name.id)

    def opened_by(self, node: ast.AST) -> Scope:
        """Return the scope that a function, class, lambda or comprehension opens."""
        return self._scope_of[node]

    @property
    def every(self) -> list[Scope]:
        """All scopes of the module, outer ones first."""
        return list(dict.fromkeys(self._scope_of.values()))

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the parent of `node`, its parent, and so on up to the module."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """Return the innermost function whose body holds `node`."""
        passed: list[ast.AST] = []
        current = node
        while current not in self._function_of:
            passed.append(current)
            parent = self.parents.get(current)
            if parent is None or isinstance(parent, FunctionNode):
                self._function_of[current] = parent
            else:
                current = parent
        function = self._function_of[current]
        self._function_of.update(dict.fromkeys(passed, function))
        return function

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """The calls, by the last name of what they call; those of anything else under none."""
        found: dict[str, list[ast.Call]] = defaultdict(list)
        for each in self.nodes(ast.Call):
            found[last_name(each.func)].append(each)
        return found

    @cached_property
    def names(self) -> dict[str, list[ast.Name]]:
        """The reads, assignments and deletions of names, by the name, whatever it stands for."""
        found: dict[str, list[ast.Name]] = defaultdict(list)
        for each in self.nodes(ast.Name):
            found[each.id].append(each)
        return found

    @cached_property
    def attributes(self) -> dict[str, list[ast.Attribute]]:
        """The expressions that read, assign or delete an attribute, by its name."""
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for each in self.nodes(ast.Attribute):
            found[each.attr].append(each)
        return found

    @cached_property
    def attribute_reads(self) -> dict[str, list[ast.Attribute]]:
        """The expressions that read an attribute, by its name."""
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for each in self.nodes(ast.Attribute):
            if isinstance(each.ctx, ast.Load):
                found[each.attr].append(each)
        return found

    @cached_property
    def attribute_stores(self) -> dict[str, list[ast.Attribute]]:
        """The targets that assign an attribute, by its name."""
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for each in self.nodes(ast.Attribute):
            if isinstance(each.ctx, ast.Store):
                found[each.attr].append(each)
        return found

    @cached_property
    def attribute_changes(self) -> dict[str, list[ast.Attribute]]:
        """The targets that assign or delete an attribute, by its name."""
        found: dict[str, list[ast.Attribute]] = defaultdict(list)
        for each in self.nodes(ast.Attribute):
            if not isinstance(each.ctx, ast.Load):
                found[each.attr].append(each)
        return found

    def calls_of(self, names: Iterable[str]) -> list[ast.Call]:
        """Return the calls of what has one of the last names, in the order of the text."""
        found = (call for name in names for call in self.calls.get(name, ()))
        return sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def named(self, name: str) -> list[ast.Name | ast.Attribute]:
        """Return the variables and attributes of a name, whatever is done with them."""
        return [*self.names.get(name, ()), *self.attributes.get(name, ())]

    @cached_property
    def returns(self) -> dict[FunctionNode, list[ast.Return]]:
        """The statements that return from each function."""
        found: dict[FunctionNode, list[ast.Return]] = defaultdict(list)
        for each in self.nodes(ast.Return):
            function = self.function_of(each)
            if function is not None:
                found[function].append(each)
        return found

    @cached_property
    def returned(self) -> dict[FunctionNode, list[ast.expr]]:
        """The values that each function returns."""
        return {
            function: [each.value for each in returns if each.value is not None]
            for function, returns in self.returns.items()
        }

    @cached_property
    def generators(self) -> frozenset[ast.AST]:
        """The functions that make generators."""
        yields = (*self.nodes(ast.Yield), *self.nodes(ast.YieldFrom))
        return frozenset(function for each in yields if (function := self.function_of(each)))

    @cached_property
    def leaving(self) -> frozenset[ast.AST]:
        """The statements that may leave their function, since they hold a `return` of it."""
        found: set[ast.AST] = set()
        for each in self.nodes(ast.Return):
            for parent in self.ancestors(each):
                if parent in found or isinstance(parent, FunctionNode):
                    break
                found.add(parent)
        return frozenset(found)

    def in_type_checking(self, node: ast.AST) -> bool:
        """Whether `node` stands under ``if TYPE_CHECKING``."""
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, ast.If) and child in parent.body:
                if last_name(parent.test) == "TYPE_CHECKING":
                    return True
            child = parent
        return False

    @staticmethod
    def _inside(opener: ast.AST, child: ast.AST, below: ast.AST) -> bool:
        """Whether what is reached from `opener` by `child`, then `below`, is in its own scope."""
        if isinstance(opener, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return child in opener.body
        if isinstance(opener, ast.Lambda):
            return child is opener.body
        if isinstance(opener, _COMPREHENSION):
            first = getattr(opener, "generators", [None])[0]
            return child is not first or below is not getattr(first, "iter", None)
        return True

    def _visit_children(self, node: ast.AST, scope: Scope) -> None:
        self._each(node, children(node), scope)

    def _visit(self, nodes: list[ast.AST], scope: Scope) -> None:
        """Visit nodes and what is below them, in the order of the text."""
        parents, kinds = self.parents, self._nodes
        left = nodes[::-1]
        while left:
            node = left.pop()
            kind = type(node)
            kinds[kind].append(node)
            special = _SPECIAL.get(kind)
            if special is not None:
                special(self, node, scope)
            elif _FIELDS[kind]:
                below = children(node)
                for child in below:
                    parents[child] = node
                left += below[::-1]

    def _each(self, parent: ast.AST, children: list[ast.AST], scope: Scope) -> None:
        for child in children:
            self.parents[child] = parent
        self._visit(children, scope)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Scope) -> None:
        self._bind(outer, node.name, "definition", node)
        self.parents[node.args] = node
        defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        self._each(node.args, [*defaults], outer)
        self._each(node, [*node.decorator_list], outer)
        scope = self._open(node, node.name, outer)
        self._each(node, [n for n in (node.returns,) if n is not None], outer)
        self._each(node, [*getattr(node, "type_params", [])], scope)
        self._parameters(node.args, scope, outer)
        self._each(node, [*node.body], scope)

    def _visit_class(self, node: ast.ClassDef, outer: Scope) -> None:
        self._bind(outer, node.name, "definition", node)
        self._each(node, [*node.decorator_list], outer)
        scope = self._open(node, node.name, outer)
        self._each(node, [*getattr(node, "type_params", [])], scope)
        self._each(node, [*node.bases, *node.keywords], outer)
        self._each(node, [*node.body], scope)

    def _visit_lambda(self, node: ast.Lambda, outer: Scope) -> None:
        self.parents[node.args] = node
        defaults = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        self._each(node.args, [*defaults], outer)
        scope = self._open(node, "lambda", outer)
        self._parameters(node.args, scope, outer)
        self._each(node, [node.body], scope)

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, outer: Scope
    ) -> None:
        first, *rest = node.generators
        self.parents[first] = node
        self._each(first, [first.iter], outer)
        scope = self._open(node, _COMPREHENSIONS[type(node)], outer)
        self._each(first, [first.target, *first.ifs], scope)
        for generator in rest:
            self.parents[generator] = node
            self._visit_children(generator, scope)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._each(node, [*parts], scope)

    def _parameters(self, args: ast.arguments, scope: Scope, outer: Scope) -> None:
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs]
        every += [arg for arg in (args.vararg, args.kwarg) if arg is not None]
        for arg in every:
            self.parents[arg] = args
            self._scope_of[arg] = outer
            self._bind(scope, arg.arg, "parameter", arg)
            if arg.annotation is not None:
                self._each(arg, [arg.annotation], outer)

    def _open(self, node: ast.AST, name: str, outer: Scope) -> Scope:
        tables = next(known for each in outer.and_outer() if (known := self._tables.get(each)))
        table = tables.take(name, getattr(node, "lineno", 0))
        own, of_module = (frozenset(), frozenset()) if table is None else _names_of(table)
        if isinstance(node, _COMPREHENSION):  # that of Python 3.12 and newer may have no table
            own |= {*_targets(node)}
        scope = Scope(node, outer, own, of_module)
        if table is not None:
            self._tables[scope] = _Tables(table)
        self._scope_of[node] = scope
        return scope

    def _visit_name(self, node: ast.Name, scope: Scope) -> None:
        if isinstance(node.ctx, ast.Store):
            self._bind_target(node, scope)
        else:
            self._pending.append((scope, node.id, node))

    def _visit_binder(
        self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: Scope
    ) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._bind(scope, name, "other", node)
        self._visit_children(node, scope)

    def _visit_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*" and isinstance(node, ast.ImportFrom):
                scope.star_imports.append(node)
                continue
            local = alias.asname or alias.name.partition(".")[0]
            binding = Binding(local, "import", node, alias=alias)
            self._pending.append((scope, local, binding))

    def _bind_target(self, target: ast.Name, scope: Scope) -> None:
        parent = self.parents[target]
        if isinstance(parent, ast.Assign) or (
            isinstance(parent, ast.AnnAssign) and parent.value is not None
        ):
            binding = Binding(target.id, "assign", parent, value=parent.value)
        elif isinstance(parent, ast.AnnAssign):
            return
        else:
            binding = Binding(target.id, "other", parent)
        self._pending.append((scope, target.id, binding))

    def _bind(self, scope: Scope, name: str, kind: BindingKind, node: ast.AST) -> None:
        self._pending.append((scope, name, Binding(name, kind, node)))


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below `node`, without those that trees share: operators, contexts."""
    found: list[ast.AST] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if type(value) is list:
            for child in value:
                if isinstance(child, ast.AST):
                    found.append(child)
        elif value is not None and isinstance(value, ast.AST):
            found.append(value)
    return found


class _Tables:
    """The tables of the scopes right below another one, each of which is taken once."""

    def __init__(self, outer: symtable.SymbolTable) -> None:
        self._left: dict[tuple[str, int], deque[symtable.SymbolTable]] = defaultdict(deque)
        for table in _tables_below(outer):
            self._left[table.get_name(), table.get_lineno()].append(table)

    def take(self, name: str, line: int) -> symtable.SymbolTable | None:
        """Return the first one that is left of a scope of this name and line."""
        left = self._left.get((name, line))
        return left.popleft() if left else None


def _tables_below(outer: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yield the tables of classes and functions right below, through those of type parameters."""
    for table in outer.get_children():
        if str(table.get_type()) in {"class", "function"}:
            yield table
        else:
            yield from _tables_below(table)


def _names_of(table: symtable.SymbolTable) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that are local to a scope, and those that are the module's."""
    if isinstance(table, symtable.Function):
        return frozenset(table.get_locals()), frozenset(table.get_globals())
    symbols = table.get_symbols()
    own = frozenset(each.get_name() for each in symbols if each.is_local())
    return own, frozenset(each.get_name() for each in symbols if each.is_global())


_SPECIAL: dict[type[ast.AST], Callable[[Scopes, Any, Scope], None]] = {
    ast.FunctionDef: Scopes._visit_function,
    ast.AsyncFunctionDef: Scopes._visit_function,
    ast.ClassDef: Scopes._visit_class,
    ast.Lambda: Scopes._visit_lambda,
    ast.ListComp: Scopes._visit_comprehension,
    ast.SetComp: Scopes._visit_comprehension,
    ast.DictComp: Scopes._visit_comprehension,
    ast.GeneratorExp: Scopes._visit_comprehension,
    ast.Name: Scopes._visit_name,
    ast.Import: Scopes._visit_import,
    ast.ImportFrom: Scopes._visit_import,
    ast.ExceptHandler: Scopes._visit_binder,
    ast.MatchAs: Scopes._visit_binder,
    ast.MatchStar: Scopes._visit_binder,
    ast.MatchMapping: Scopes._visit_binder,
}


def _targets(node: ast.AST) -> Iterator[str]:
    """Yield the names that the `for` clauses of a comprehension bind."""
    for generator in getattr(node, "generators", []):
        for part in ast.walk(generator.target):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
