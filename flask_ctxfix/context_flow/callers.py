"""What calls a function of a project: calls by its name, and of what else holds it.

A function is followed to wherever it is given, kept or returned. What a function of the project
does with what it is given is answered once for each parameter.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from flask_ctxfix.context_flow.class_families import families, key_of
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.references import References
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Partial,
    bound_arguments,
)
from flask_ctxfix.entry_facts import HOLDING, LOOKING
from flask_ctxfix.flask_facts import is_transparent
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.syntax import last_name, without_call

NOT_FOLLOWED = "kept in what is not followed"
GIVEN_AWAY = "given to what is not known"
BY_LIBRARY = "a method that a class from elsewhere may call"
BY_PYTHON = "a method that Python itself calls"
BY_DECORATOR = "decorated with what is not known"
BY_ANY_NAME = "a method that may be looked up by its name"
UNREAD = "kept where nothing reads it"


class CallSite(NamedTuple):
    """Where a function is called, and the context that there certainly is on the way from there."""

    module: Module
    node: ast.AST
    proven: Need = Need.NONE


class Unseen(NamedTuple):
    """Something may call a function that cannot be seen."""

    reason: str


class MethodName(NamedTuple):
    """The name of methods, and whether these are called where that is read."""

    text: str
    is_property: bool


class Inside(NamedTuple):
    """What a parameter holds is called in the body of its function."""

    proven: Need


class Result(NamedTuple):
    """What a function returns is, or calls, what a parameter of it holds."""

    proven: Need


Caller = CallSite | Entry | Unseen
_Held = Caller | Inside | Result
_HELD: QuestionKind[frozenset[_Held]] = QuestionKind("held", frozenset(), frozenset.union)
_CALLERS: QuestionKind[tuple[Caller, ...]] = QuestionKind(
    "callers", (), lambda one, other: tuple(dict.fromkeys((*one, *other)))
)

# Methods of containers that give what these hold, and that put something into them.
_GETTING = frozenset(
    {"copy", "get", "get_nowait", "items", "pop", "popitem", "popleft", "setdefault", "values"}
)
_PUTTING = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "setdefault", "update"}
)


_MAKING = frozenset({"__init__", "__new__", "__post_init__"})
_ENTERING = frozenset({"__aenter__", "__aexit__", "__enter__", "__exit__"})
_OF_INSTANCES = _MAKING | _ENTERING | {"__call__"}


class Callers:
    """Finds what calls the functions of a project."""

    def __init__(
        self,
        project: Project,
        values: Values,
        guards: Guards,
        entries: Entries,
        references: References,
        table: Table,
    ) -> None:
        self.project = project
        self.values = values
        self.guards = guards
        self.entries = entries
        self.references = references
        self._table = table

    def of(self, module: Module, function: FunctionNode) -> tuple[Caller, ...]:
        """Return what calls a function, as far as that is to be seen; nothing if nothing does."""

        def compute() -> tuple[Caller, ...]:
            return tuple(sorted(set(self._of(module, function)), key=_order))

        return self._table.ask(module, _CALLERS, ("callers", function), compute)

    def perhaps(self, module: Module, function: FunctionNode) -> tuple[Caller, ...]:
        """Return what may call a method: what reads its name of an object that nobody knows."""
        name = name_that_objects_have(module, function)
        return () if name is None else self.perhaps_named(name)

    def perhaps_named(self, name: MethodName) -> tuple[Caller, ...]:
        """Return what may call any method of a name."""

        def compute() -> tuple[Caller, ...]:
            walk = _Walk(self, None)
            for home, reference in self.references.perhaps_of_member(name.text):
                if name.is_property:
                    walk.called(home, reference)
                else:
                    walk.add(home, reference)
            return tuple(sorted(set(_callers_in(walk.run())), key=_order))

        return self._table.ask(self.project, _CALLERS, ("perhaps callers", name), compute)

    def held(self, module: Module, function: FunctionNode, name: str) -> frozenset[_Held]:
        """Return what becomes of what a parameter of a function is given."""
        key = ("held", function, name)

        def compute() -> frozenset[_Held]:
            walk = _Walk(self, function)
            home = module.scopes.opened_by(function)
            for read in home.reads.get(name, ()):
                walk.add(module, read)
            return walk.run()

        return self._table.ask(module, _HELD, key, compute)

    def _of(self, module: Module, function: FunctionNode) -> Iterator[Caller]:
        walk = _Walk(self, None)
        if isinstance(function, ast.Lambda):
            walk.add(module, function)
            yield from _callers_in(walk.run())
            return
        owner = module.scopes.parents.get(function)
        decorated, proven = self._by_decorators(module, function)
        seen: list[Caller] = [each for each in decorated if not isinstance(each, Unseen)]
        for entry in self.entries.of(module, function):
            if entry.sender is not None:
                seen += senders(self, module, entry)
        yield from seen
        is_property = _is_property(function)
        for home, reference in self.references.certain(module, function):
            if is_property:
                walk.called(home, reference, proven)
            else:
                walk.add(home, reference, proven)
        if isinstance(owner, ast.ClassDef):
            self._add_uses_of_class(walk, Class(module, owner), function)
        found = walk.run()
        yield from _callers_in(found)
        if not found and not seen and not self.perhaps(module, function):
            if not self.entries.of(module, function):
                yield from (each for each in decorated if isinstance(each, Unseen))
                yield from self._unseen(module, function, owner)

    def _unseen(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, owner: Any
    ) -> Iterator[Unseen]:
        """Yield what may call a function that nothing is seen to call."""
        name = function.name
        if isinstance(owner, ast.ClassDef):
            if name.startswith("__") and name.endswith("__") and name not in _MAKING:
                yield Unseen(BY_PYTHON)
            elif self.entries.may_be_called_unseen(Class(module, owner)):
                yield Unseen(BY_LIBRARY)
            elif self.references.is_looked_up(Class(module, owner)):
                yield Unseen(BY_ANY_NAME)
        if any(not self._is_plain(module, each) for each in function.decorator_list):
            yield Unseen(BY_DECORATOR)

    def _is_plain(self, module: Module, decorator: ast.expr) -> bool:
        """Whether a decorator is known, so that what it does with its function is."""
        value = self.values.of(module, without_call(decorator))
        if self.entries.by_decorator(module, decorator) is not None:
            return True
        if isinstance(value, Foreign):
            return is_transparent(value.name) or value.name in HOLDING | {"builtins.property"}
        return isinstance(value, Function)

    def _by_decorators(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> tuple[list[Caller], Need]:
        """Return what decorators of the project do with a function, and what they prove of it."""
        found: list[Caller] = []
        proven = Need.NONE
        for decorator in function.decorator_list:
            maker = self.values.of(module, decorator)
            if not isinstance(maker, Function) or isinstance(maker.node, ast.Lambda):
                continue
            arguments = maker.node.args
            names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
            names = names[1:] if maker.receiver is not None else names
            if not names:
                continue
            held = self.held(maker.module, maker.node, names[0])
            for each in held:
                if isinstance(each, Inside):
                    there = max(each.proven, self.guards.at(module, function))
                    found.append(CallSite(module, function, there))
                elif not isinstance(each, Result):
                    found.append(each)
            results = [each.proven for each in held if isinstance(each, Result)]
            proven = max(proven, min(results, default=Need.NONE))
        return found, proven

    def _add_uses_of_class(
        self, walk: _Walk, owner: Class, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        """Add what makes, calls or enters instances of a class, if `function` is run by that."""
        name = function.name
        if name not in _OF_INSTANCES:
            return
        heirs = families(self.project, self.values).heirs.get(key_of(owner.module, owner.node), {})
        for each in (owner, *heirs.values()):
            own = each.module.scopes.opened_by(each.node).bindings
            if each is not owner and name in own:
                continue
            for home, reference in self.references.of_class(each):
                call = home.scopes.parents[reference]
                is_made = isinstance(call, ast.Call) and call.func is reference
                if name in _MAKING:
                    walk.add(home, reference)
                elif is_made and name == "__call__":
                    walk.add(home, call)
                elif is_made and isinstance(home.scopes.parents[call], ast.withitem):
                    walk.called(home, call)


class _Walk:
    """Follows expressions that hold something callable: in all code, or in `home` alone."""

    def __init__(self, callers: Callers, home: FunctionNode | None) -> None:
        self._callers = callers
        self._values = callers.values
        self._home = home
        self._left: list[tuple[Module, ast.AST, Need]] = []
        self._seen: set[tuple[str, ast.AST | tuple[Any, ...], Need]] = set()
        self._found: set[_Held] = set()

    def add(self, module: Module, node: ast.AST, proven: Need = Need.NONE) -> None:
        """Follow an expression, unless tests hold it: they call what they test by themselves."""
        if self._callers.project.is_test(module.path) and not isinstance(node, ast.Lambda):
            return
        if (module.path, node, proven) not in self._seen:
            self._seen.add((module.path, node, proven))
            self._left.append((module, node, proven))

    def called(self, module: Module, node: ast.AST, proven: Need = Need.NONE) -> None:
        """Note that what is followed runs where a node is evaluated, unless tests do that."""
        if not self._callers.project.is_test(module.path):
            self._called(module, node, proven)

    def run(self) -> frozenset[_Held]:
        """Return what calls what is followed, and what else becomes of it."""
        while self._left:
            module, node, proven = self._left.pop()
            parent = module.scopes.parents[node]
            step = _STEPS.get(type(parent))
            if step is not None:
                step(self, module, parent, node, proven)
            elif isinstance(parent, ast.expr) and not isinstance(parent, _PLAIN):
                self._found.add(Unseen(NOT_FOLLOWED))
        return frozenset(self._found)

    def _call(self, module: Module, call: ast.Call, node: ast.AST, proven: Need) -> None:
        if call.func is node:
            self._called(module, call, proven)
        else:
            self._given(module, call, node, proven)

    def _keyword(self, module: Module, keyword: ast.keyword, node: ast.AST, proven: Need) -> None:
        call = module.scopes.parents[keyword]
        if isinstance(call, ast.Call):
            self._given(module, call, keyword, proven)

    def _called(self, module: Module, node: ast.AST, proven: Need) -> None:
        """Note that what is followed is called at a node."""
        around = module.scopes.function_of(node)
        there = max(proven, self._callers.guards.at(module, node))
        if self._home is None:
            self._found.add(CallSite(module, node, there))
        elif around is self._home:
            self._found.add(Inside(there))
        elif around is not None and self._home in module.scopes.ancestors(around):
            self._holder(module, around, there)
        else:
            self._found.add(CallSite(module, node, there))

    def _holder(self, module: Module, function: FunctionNode, proven: Need) -> None:
        """Follow a function in `home` that calls what is followed."""
        if isinstance(function, ast.Lambda):
            self.add(module, function, proven)
            return
        parent = module.scopes.parents[function]
        if isinstance(parent, ast.ClassDef):
            self._found.add(Unseen(NOT_FOLLOWED))
            return
        for decorator in function.decorator_list:
            entry = self._callers.entries.by_decorator(module, decorator)
            if entry is not None:
                self._found.add(entry)
        for read in module.scopes.scope_of(function).reads.get(function.name, ()):
            self.add(module, read, proven)

    def _given(self, module: Module, call: ast.Call, node: ast.AST, proven: Need) -> None:
        """Follow what is given to a call."""
        entry = self._callers.entries.given(module, call)
        if entry is not None:
            self._enter(module, call, entry, proven)
            return
        value = self._values.of(module, call.func)
        if isinstance(value, Foreign):
            self._given_elsewhere(module, call, value.name, proven)
        elif isinstance(value, Function):
            self._bound(module, call, node, value, proven)
        elif isinstance(value, Class):
            made = self._values.member(value, "__init__", of_instance=True)
            if isinstance(made, Function):
                self._bound(module, call, node, made, proven)
            else:
                self._found.add(Unseen(GIVEN_AWAY))
        elif value is None and isinstance(call.func, ast.Attribute) and call.func.attr in _PUTTING:
            self._kept(module, call.func.value, proven)
        else:
            self._found.add(Unseen(GIVEN_AWAY))

    def _enter(self, module: Module, call: ast.Call, entry: Entry, proven: Need) -> None:
        if entry.where is None:
            self._called(module, call, proven)
        elif entry.sender is not None:
            self._found.update(senders(self._callers, module, entry))
        else:
            self._found.add(entry)

    def _given_elsewhere(self, module: Module, call: ast.Call, name: str, proven: Need) -> None:
        if name in HOLDING:
            self.add(module, call, proven)
        elif name.rpartition(".")[2] in _PUTTING and isinstance(call.func, ast.Attribute):
            self._kept(module, call.func.value, proven)
        elif name not in LOOKING:
            self._found.add(Unseen(GIVEN_AWAY))

    def _bound(
        self, module: Module, call: ast.Call, node: ast.AST, function: Function, proven: Need
    ) -> None:
        """Follow what a function of the project does with an argument."""
        if isinstance(function.node, ast.Lambda):
            self._found.add(Unseen(GIVEN_AWAY))
            return
        argument = node.value if isinstance(node, ast.keyword) else node
        bound = [name for name, each in bound_arguments(call, function) if each is argument]
        given = function.node.args
        if not bound and isinstance(node, ast.keyword):
            bound = [given.kwarg.arg] if given.kwarg is not None else []
        elif not bound:
            bound = [given.vararg.arg] if given.vararg is not None else []
        if not bound:
            self._found.add(Unseen(GIVEN_AWAY))
        for name in bound:
            for each in self._callers.held(function.module, function.node, name):
                if isinstance(each, Inside):
                    self._called(module, call, max(proven, each.proven))
                elif isinstance(each, Result):
                    self.add(module, call, max(proven, each.proven))
                else:
                    self._found.add(each)

    def _returned(self, module: Module, node: ast.AST, _: ast.AST, proven: Need) -> None:
        function = module.scopes.function_of(node)
        if function is None:
            return
        if function is self._home:
            self._found.add(Result(proven))
        elif self._home is not None and self._home in module.scopes.ancestors(function):
            self._holder(module, function, proven)
        elif isinstance(function, ast.Lambda):
            self._found.add(Unseen(NOT_FOLLOWED))
        else:
            self._follow_results(module, function, proven)

    def _follow_results(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef, proven: Need
    ) -> None:
        """Follow what calls of a function give."""
        for home, reference in self._callers.references.of(module, function):
            parent = home.scopes.parents[reference]
            if isinstance(parent, ast.Call) and parent.func is reference:
                self.add(home, parent, proven)
            elif _is_decorator(parent, reference):
                continue
            else:
                self._found.add(Unseen(NOT_FOLLOWED))

    def _assigned(self, module: Module, node: Any, value: ast.AST, proven: Need) -> None:
        if value is not node.value:
            return
        for target in node.targets if isinstance(node, ast.Assign) else (node.target,):
            self._kept(module, target, proven)
        if isinstance(node, ast.NamedExpr):
            self.add(module, node, proven)

    def _kept(self, module: Module, target: ast.AST, proven: Need) -> None:
        """Follow what reads the variable, attribute or container that something is kept in."""
        while isinstance(target, ast.Subscript | ast.Starred):
            target = target.value
        if isinstance(target, ast.Tuple | ast.List):
            for each in target.elts:
                self._kept(module, each, proven)
        elif isinstance(target, ast.Name):
            self._variable(module, target, proven)
        elif isinstance(target, ast.Attribute):
            self._attribute(module, target, proven)
        elif isinstance(target, ast.Call) and last_name(target.func) in _GETTING:
            self._kept(module, target.func.value, proven)  # type: ignore[attr-defined]
        else:
            self._found.add(Unseen(NOT_FOLLOWED))

    def _variable(self, module: Module, target: ast.Name, proven: Need) -> None:
        home = module.scopes.home_of(target)
        key = (module.path, ("variable", id(home), target.id), proven)
        if key in self._seen:
            return
        self._seen.add(key)
        if home.is_class:
            self._member(module, home.node, target.id, proven)  # type: ignore[arg-type]
            return
        self._read(self._callers.references.of_variable(module, home, target.id), proven)

    def _attribute(self, module: Module, target: ast.Attribute, proven: Need) -> None:
        value = self._values.of(module, target)
        entry = self._callers.entries.kept_in(value)
        owner = self._values.of(module, target.value)
        if entry is not None:
            self._found.add(entry)
        elif isinstance(owner, Instance | Class):
            of = owner.of if isinstance(owner, Instance) else owner
            self._member(of.module, of.node, target.attr, proven)
        else:
            self._found.add(Unseen(NOT_FOLLOWED))

    def _member(self, module: Module, owner: ast.ClassDef, name: str, proven: Need) -> None:
        key = (module.path, ("member", owner.name, name), proven)
        if key in self._seen:
            return
        self._seen.add(key)
        self._read(self._callers.references.of_member(Class(module, owner), name), proven)

    def _read(self, reads: Iterator[tuple[Module, ast.expr]], proven: Need) -> None:
        """Follow what reads a place that something is kept in, for a call of it."""
        walk = _Walk(self._callers, self._home)
        walk._seen = self._seen
        for module, read in reads:
            walk.add(module, read, proven)
        self._found |= walk.run() or {Unseen(UNREAD)}

    def _read_of(self, module: Module, parent: ast.Attribute, node: ast.expr, proven: Need) -> None:
        """Follow an attribute of what is followed, if that is what a container gives."""
        call = module.scopes.parents[parent]
        if parent.attr == "as_view":
            self._found.add(Entry("view", Where.REQUEST))
        elif parent.attr in _GETTING and isinstance(call, ast.Call) and call.func is parent:
            self.add(module, call, proven)
        elif parent.attr == "__call__" or isinstance(self._values.of(module, node), Partial):
            self._found.add(Unseen(NOT_FOLLOWED))

    def _looped(self, module: Module, loop: Any, node: ast.AST, proven: Need) -> None:
        if loop.iter is node:
            for name in ast.walk(loop.target):
                if isinstance(name, ast.Name):
                    self._variable(module, name, proven)

    def _element(self, module: Module, parent: Any, node: ast.AST, proven: Need) -> None:
        """Follow a container, or an expression whose value is one of its parts."""
        if isinstance(parent, ast.IfExp) and parent.test is node:
            return
        if isinstance(parent, ast.Subscript) and parent.value is not node:
            return
        if isinstance(parent, ast.Tuple | ast.List) and isinstance(parent.ctx, ast.Store):
            return
        if isinstance(parent, ast.Subscript) and not isinstance(parent.ctx, ast.Load):
            return
        if isinstance(parent, ast.Subscript) and _is_annotation(module, parent):
            return
        self.add(module, parent, proven)

    def _decorates(self, module: Module, parent: Any, node: ast.AST, proven: Need) -> None:
        if _is_decorator(parent, node):
            self._called(module, parent, proven)

    def _default(self, module: Module, parent: ast.arguments, node: ast.AST, proven: Need) -> None:
        """Follow a parameter that something is the default of."""
        function = module.scopes.parents[parent]
        positional = [*parent.posonlyargs, *parent.args]
        pairs = [
            *zip(reversed(positional), reversed(parent.defaults), strict=False),
            *zip(parent.kwonlyargs, parent.kw_defaults, strict=False),
        ]
        for argument, default in pairs:
            if default is node:
                home = module.scopes.opened_by(function)
                for read in home.reads.get(argument.arg, ()):
                    self.add(module, read, proven)

    def _lambda(self, module: Module, parent: ast.Lambda, node: ast.AST, proven: Need) -> None:
        if parent.body is node:
            self._returned(module, node, node, proven)

    def _yielded(self, module: Module, parent: ast.AST, node: ast.AST, proven: Need) -> None:
        self._found.add(Unseen(NOT_FOLLOWED))


_STEPS: dict[type[ast.AST], Callable[[_Walk, Module, Any, Any, Need], None]] = {
    ast.Call: _Walk._call,
    ast.keyword: _Walk._keyword,
    ast.Return: _Walk._returned,
    ast.Assign: _Walk._assigned,
    ast.AnnAssign: _Walk._assigned,
    ast.NamedExpr: _Walk._assigned,
    ast.Attribute: _Walk._read_of,
    ast.For: _Walk._looped,
    ast.AsyncFor: _Walk._looped,
    ast.comprehension: _Walk._looped,
    ast.FunctionDef: _Walk._decorates,
    ast.AsyncFunctionDef: _Walk._decorates,
    ast.ClassDef: _Walk._decorates,
    ast.arguments: _Walk._default,
    ast.Lambda: _Walk._lambda,
    ast.Yield: _Walk._yielded,
    ast.YieldFrom: _Walk._yielded,
    **dict.fromkeys(
        (
            *(ast.Dict, ast.List, ast.Set, ast.Tuple, ast.Subscript, ast.IfExp, ast.BoolOp),
            *(ast.Starred, ast.Await, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
        ),
        _Walk._element,
    ),
}
# Expressions that only look at what they are made of.
_PLAIN = (ast.Compare, ast.UnaryOp, ast.FormattedValue, ast.JoinedStr)


def senders(callers: Callers, module: Module, entry: Entry) -> Iterator[Caller]:
    """Yield the calls that send the signal whose receiver an entry is."""
    assert entry.sender is not None
    is_sent = False
    for owner, binding in callers.project.bindings(module, entry.sender):
        home = owner.scopes.module
        if not home.binds(binding.name):
            continue
        for other, read in callers.references.of_variable(owner, home, binding.name):
            method = other.scopes.parents[read]
            call = other.scopes.parents[method]
            if isinstance(method, ast.Attribute) and method.attr in {"send", "send_async"}:
                if isinstance(call, ast.Call) and call.func is method:
                    is_sent = True
                    yield CallSite(other, call, callers.guards.at(other, call))
    if not is_sent:
        yield Unseen("a receiver of a signal whose sender is not known")


def name_that_objects_have(module: Module, function: FunctionNode) -> MethodName | None:
    """Return the name of a method; None for what is none."""
    is_method = isinstance(module.scopes.parents.get(function), ast.ClassDef)
    if isinstance(function, ast.Lambda) or not is_method:
        return None
    return MethodName(function.name, _is_property(function))


def _is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether reading an attribute calls a function, as far as its decorators are called so."""
    names = (last_name(without_call(each)) for each in function.decorator_list)
    return any("property" in name or name == "getter" for name in names)


def _callers_in(found: frozenset[_Held]) -> Iterator[Caller]:
    for each in found:
        if not isinstance(each, Inside | Result):
            yield each


def _is_decorator(parent: ast.AST, node: ast.AST) -> bool:
    return node in getattr(parent, "decorator_list", ())


def _is_annotation(module: Module, node: ast.AST) -> bool:
    """Whether an expression is part of what says a type."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.arg):
            return True
        if isinstance(parent, ast.AnnAssign):
            return child is parent.annotation
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            return child is parent.returns
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False


def _order(caller: Caller) -> tuple[int, str, int, int, str]:
    """Return what puts callers into an order: first those that are not to be seen."""
    if isinstance(caller, Unseen):
        return 0, caller.reason, 0, 0, ""
    if isinstance(caller, Entry):
        return 1, caller.kind, 0, 0, str(caller.where)
    line = getattr(caller.node, "lineno", 0)
    return 2, caller.module.path, line, getattr(caller.node, "col_offset", 0), str(caller.proven)
