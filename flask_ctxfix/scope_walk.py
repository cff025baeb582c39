"""One walk over a syntax tree: which scope each name is bound and read in.

The answers are those of CPython's `symtable`, which would parse the text once more.
"""

from __future__ import annotations
import __future__

import ast
import sys
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from operator import attrgetter
from typing import Any

from flask_ctxfix.scope import TYPE_PARAMETERS, Binding, Comprehension, Scope, mangled
from flask_ctxfix.syntax import parameters_in

_PLAIN = {
    *("arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs"),
    *("level", "module", "op", "ops", "rest", "simple", "str", "tag", "type_comment"),
    "type_ignores",
}
# The fields that may hold nodes below; operators and contexts are shared by all of a tree.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in kind._fields if name not in _PLAIN)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
} | {ast.Constant: (), ast.MatchSingleton: ()}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
if sys.version_info >= (3, 12):
    _DEFINITIONS += (ast.TypeAlias,)


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


# What a walk leaves open.
_Later = ast.Name | ast.Global | ast.Nonlocal | Binding | Scope


class ScopeWalk:
    """What there is to know of a tree once it was walked.

    `parents` are those of nodes, `nodes` all of each type, `names` those of variables by the name,
    `opened` the scopes by what opened them, `with_parameters` those of type parameters by the
    function or class that has them. `every` are all scopes, outer ones first; `homes` those that
    the names live in which are read or deleted. `is_suspect` says that the compiler may refuse what
    the grammar allowed: a late `global`, for one.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.nodes: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        self.names: dict[str, list[ast.Name]] = defaultdict(list)
        self.module = Scope(tree, None)
        self.opened: dict[ast.AST, Scope] = {tree: self.module}
        self.with_parameters: dict[ast.AST, Scope] = {}
        self.is_suspect = False
        # What is left to visit, the next last. A scope says where what comes next is.
        self._left: list[Any] = []
        # Reads, and bindings of names that are declared to live elsewhere, in the order of the
        # text: where they live is known when all is visited. A scope is where the next ones are.
        self._later: list[_Later] = []
        self._declared: dict[Scope, set[str]] = {}
        self._push(tree, tree.body)
        self._left.append(self.module)
        self._visit()
        resolved = _Resolution(self.module, self._later)
        self.homes, self.every = resolved.homes, resolved.every
        self.is_suspect |= resolved.is_suspect or _holds_misplaced(self)
        del self._left, self._later, self._declared

    def _visit(self) -> None:
        """Visit all nodes in the order of the text; headers of definitions before their bodies."""
        parents, kinds, left, later = self.parents, self.nodes, self._left, self._later
        names, named = kinds[ast.Name], self.names
        scope = self.module
        while left:
            node = left.pop()
            kind = node.__class__
            if kind is ast.Name:
                names.append(node)
                named[node.id].append(node)
                if node.ctx.__class__ is ast.Load:
                    later.append(node)
                else:
                    self._change(scope, node)
                continue
            if kind is Scope:
                scope = node
                later.append(scope)
                continue
            kinds[kind].append(node)
            below = _BELOW.get(kind)
            if below is None:
                special = _SPECIAL.get(kind)
                if special is not None:
                    special(self, node, scope)
                continue
            values = below(node)
            for value in values if values.__class__ is tuple else (values,):
                if value.__class__ is list:
                    for child in value:
                        parents[child] = node
                    left += value[::-1]
                elif value is not None:
                    parents[value] = node
                    left.append(value)

    def _push(self, parent: ast.AST, nodes: Sequence[ast.AST | None]) -> None:
        """Have nodes below `parent` visited next."""
        for node in reversed(nodes):
            if node is not None:
                self.parents[node] = parent
                self._left.append(node)

    def _open(self, node: ast.AST, outer: Scope) -> Scope:
        scope = self.opened[node] = Scope(node, outer)
        return scope

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: Scope) -> None:
        self._bind(outer, Binding(node.name, "definition", node))
        parameters = self._parameters(node, outer)
        scope = self._open(node, parameters or outer)
        self._left.append(outer)
        self._push(node, node.body)
        self._left.append(scope)
        for arg in reversed(self._arguments(node, scope)):
            self._push(arg, [arg.annotation])
        self._push(node, [node.returns])
        self._push_parameters(node, parameters)
        self._push(node, node.decorator_list)
        self._push(node.args, [*node.args.defaults, *node.args.kw_defaults])

    def _lambda(self, node: ast.Lambda, outer: Scope) -> None:
        scope = self._open(node, outer)
        self._left.append(outer)
        self._push(node, [node.body])
        self._left.append(scope)
        self._arguments(node, scope)
        self._push(node.args, [*node.args.defaults, *node.args.kw_defaults])

    def _arguments(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope
    ) -> list[ast.arg]:
        """Bind the parameters of a function and return them, as they are written."""
        args = node.args
        every = parameters_in(args)
        self.parents[args] = node
        self.nodes[ast.arguments].append(args)
        self.nodes[ast.arg] += every
        for arg in every:
            self.parents[arg] = args
            self._bind(scope, Binding(arg.arg, "parameter", arg))
        names = {scope.mangled(arg.arg) for arg in every}
        self.is_suspect |= len(names) < len(every)
        return every

    def _class(self, node: ast.ClassDef, outer: Scope) -> None:
        self._bind(outer, Binding(node.name, "definition", node))
        parameters = self._parameters(node, outer)
        scope = self._open(node, parameters or outer)
        self._left.append(outer)
        self._push(node, node.body)
        self._left.append(scope)
        self._push(node, [*node.bases, *node.keywords])
        self._push_parameters(node, parameters)
        self._push(node, node.decorator_list)

    def _type_alias(self, node: Any, outer: Scope) -> None:
        parameters = self._parameters(node, outer)
        self._left.append(outer)
        self._push(node, [node.value])
        self._push_parameters(node, parameters)
        self._push(node, [node.name])

    def _parameters(self, node: ast.AST, outer: Scope) -> Scope | None:
        """Return the scope of the type parameters that a definition has."""
        parameters: list[Any] = getattr(node, "type_params", [])
        if not parameters:
            return None
        scope = self._open(parameters[0], outer)
        self.with_parameters[node] = scope
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        names = {each.name for each in parameters}
        scope.unbound = frozenset(mangled(name, owner) for name in names)
        self.is_suspect |= len(names) < len(parameters)
        return scope

    def _push_parameters(self, node: ast.AST, scope: Scope | None) -> None:
        if scope is not None:
            self._push(node, getattr(node, "type_params", []))
            self._left.append(scope)

    def _comprehension(self, node: Comprehension, outer: Scope) -> None:
        first, *rest = node.generators
        scope = self._open(node, outer)
        self.parents[first] = node
        self.nodes[ast.comprehension].append(first)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._left.append(outer)
        self._push(node, [*rest, *parts])
        self._push(first, [first.target, *first.ifs])
        self._left.append(scope)
        self._push(first, [first.iter])

    def _dict(self, node: ast.Dict, scope: Scope) -> None:
        self._push(node, [*node.keys, *node.values])

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        self.nodes[ast.alias] += node.names
        for alias in node.names:
            self.parents[alias] = node
            if alias.name == "*" and isinstance(node, ast.ImportFrom):
                self.is_suspect |= scope is not self.module
                scope.star_imports = [*scope.star_imports, node]
                continue
            local = alias.asname or alias.name.partition(".")[0]
            self._bind(scope, Binding(local, "import", node, alias=alias))
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            is_late = node.col_offset > 0  # Python asks only this of a line
            known = __future__.all_feature_names
            self.is_suspect |= is_late or not all(alias.name in known for alias in node.names)

    def _binder(self, node: Any, scope: Scope) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            self._bind(scope, Binding(name, "other", node))
        self._push(node, children(node))

    def _declaration(self, node: ast.Global | ast.Nonlocal, scope: Scope) -> None:
        declared = self._declared.setdefault(scope, set())
        names = {scope.mangled(name) for name in node.names}
        if isinstance(node, ast.Global):
            scope.of_module |= names
        self.is_suspect |= isinstance(node, ast.Nonlocal) and scope is self.module
        self.is_suspect |= any(
            name in declared or scope.binds(name) or name in scope.unbound for name in node.names
        )
        declared.update(names, node.names)
        self._later.append(node)

    def _change(self, scope: Scope, target: ast.Name) -> None:
        """Note what assigns or deletes a name."""
        parent = self.parents[target]
        if isinstance(target.ctx, ast.Del):
            self._later.append(target)
            self._make_local(scope, target.id)
        elif isinstance(parent, ast.Assign):
            self._bind(scope, Binding(target.id, "assign", parent, value=parent.value))
        elif isinstance(parent, ast.AnnAssign):
            self.is_suspect |= target.id in self._declared.get(scope, ())
            if parent.value is not None:
                self._bind(scope, Binding(target.id, "assign", parent, value=parent.value))
            elif parent.simple:
                self._make_local(scope, target.id)
        else:
            while isinstance(parent, ast.NamedExpr) and scope.is_comprehension:
                scope = scope.parent or scope
            self._bind(scope, Binding(target.id, "other", parent))

    def _bind(self, scope: Scope, binding: Binding) -> None:
        name = binding.name
        if self._declared and scope is not self.module and name in self._declared.get(scope, ()):
            self._later.append(binding)
            return
        bindings = scope.bindings
        if name in bindings:
            bindings[name].append(binding)
        else:
            bindings[name] = [binding]
            if name.startswith("__"):
                self._make_local(scope, name)

    def _make_local(self, scope: Scope, name: str) -> None:
        """Note that a name lives in a scope, even if nothing gives it a value by this name."""
        if name not in self._declared.get(scope, ()):
            scope.unbound |= {scope.mangled(name)}


class _Resolution:
    """Where the names live of which a walk left that open.

    `homes` are those of the names that are read or deleted, `every` all scopes, outer ones first.
    """

    def __init__(self, module: Scope, later: Iterable[_Later]) -> None:
        self.homes: dict[ast.Name, Scope] = {}
        self.is_suspect = False
        self._module = module
        scope = module
        found: dict[Scope, dict[str, tuple[Scope, list[ast.Name]]]] = {}
        reads: dict[str, tuple[Scope, list[ast.Name]]] = {}
        homes = self.homes
        moved: dict[tuple[Scope, str], list[Binding]] = {}
        for each in later:
            if isinstance(each, ast.Name):
                name = each.id
                known = reads.get(name)
                if known is None:
                    home = scope.home(name)
                    known = reads[name] = home, home.reads.setdefault(name, [])
                homes[each] = known[0]
                known[1].append(each)
            elif isinstance(each, Scope):
                scope = each
                reads = found.setdefault(scope, {})
            elif isinstance(each, Binding):
                home = scope.home(each.name)
                moved[home, each.name] = home.bindings.setdefault(each.name, [])
                moved[home, each.name].append(each)
            else:
                self._check_declaration(each, scope, reads)
        for bindings in moved.values():
            bindings.sort(key=_position)
        self.every = list(found)

    def _check_declaration(
        self, node: ast.Global | ast.Nonlocal, scope: Scope, reads: Container[str]
    ) -> None:
        """Suspect the declaration of a name that was read before, or that has no other scope."""
        for name in node.names:
            if name in reads:
                self.is_suspect = True
            elif isinstance(node, ast.Nonlocal):
                home = scope.home(name)
                self.is_suspect |= home is self._module or home.seen_by_parameters is not None


def _holds_misplaced(walk: ScopeWalk) -> bool:
    """Whether some `:=`, `yield` or `await` may stand where the compiler wants none."""
    return any(
        _is_misplaced(walk, node)
        for kind in (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)
        for node in walk.nodes.get(kind, ())
    )


def _is_misplaced(walk: ScopeWalk, node: ast.AST) -> bool:
    child, parent = node, walk.parents[node]
    while not isinstance(parent, ast.stmt):
        if isinstance(parent, Comprehension) and not isinstance(node, ast.Await):
            return True
        child, parent = parent, walk.parents[parent]
    if isinstance(parent, ast.AnnAssign):
        return child is parent.annotation
    return isinstance(parent, _DEFINITIONS)


def _position(binding: Binding) -> tuple[int, int]:
    node: Any = binding.node
    node = node.optional_vars if isinstance(node, ast.withitem) else node
    return node.lineno, node.col_offset


_SPECIAL: dict[type[ast.AST], Callable[[ScopeWalk, Any, Scope], None]] = {
    ast.FunctionDef: ScopeWalk._function,
    ast.AsyncFunctionDef: ScopeWalk._function,
    ast.ClassDef: ScopeWalk._class,
    ast.Lambda: ScopeWalk._lambda,
    ast.ListComp: ScopeWalk._comprehension,
    ast.SetComp: ScopeWalk._comprehension,
    ast.DictComp: ScopeWalk._comprehension,
    ast.GeneratorExp: ScopeWalk._comprehension,
    ast.Dict: ScopeWalk._dict,
    ast.Import: ScopeWalk._import,
    ast.ImportFrom: ScopeWalk._import,
    ast.Global: ScopeWalk._declaration,
    ast.Nonlocal: ScopeWalk._declaration,
    ast.ExceptHandler: ScopeWalk._binder,
    ast.MatchAs: ScopeWalk._binder,
    ast.MatchStar: ScopeWalk._binder,
    ast.MatchMapping: ScopeWalk._binder,
    **dict.fromkeys(TYPE_PARAMETERS, ScopeWalk._binder),
}
if sys.version_info >= (3, 12):
    _SPECIAL[ast.TypeAlias] = ScopeWalk._type_alias
# What returns the nodes below a node of each type that needs no more, the last field first.
_BELOW: dict[type[ast.AST], Callable[[ast.AST], Any]] = {
    kind: attrgetter(*reversed(fields))
    for kind, fields in _FIELDS.items()
    if fields and kind not in _SPECIAL
}
