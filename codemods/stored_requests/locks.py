"""What locks the code around a place, so that what it shares is shared on purpose."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import IntEnum

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.direct_calls import as_called, calls_of, passed_by
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import (
    Class,
    Foreign,
    Function,
    Instance,
    Value,
)
from flask_ctxfix.flask_facts import ITEM_READERS, LOCKS, is_well_known
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.shared_instances import instantiations
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.statements import own_nodes


class Locking(IntEnum):
    """Whether entering an object locks: certainly not, who knows, or certainly.

    `MADE` is an unknown object that is made anew each time, which rarely locks anything; `KEPT` one
    that is there before, and is entered again and again, as few but locks are.
    """

    NO = 0
    MADE = 1
    KEPT = 2
    YES = 3


def locking_around(module: Module, project: Project, node: ast.AST) -> Locking:
    """Return what the code around a node locks in its function."""
    locks = _Locks(project)
    around = module.scopes.function_of(node)
    return max((*_entered(locks, module, node), *_acquired(locks, module, around)))


def _entered(locks: _Locks, module: Module, node: ast.AST) -> Iterator[Locking]:
    yield Locking.NO
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, ast.With | ast.AsyncWith):
            for item in parent.items:
                yield locks.of(module, item.context_expr)
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
            break


def _acquired(locks: _Locks, module: Module, around: ast.AST | None) -> Iterator[Locking]:
    """Yield what a function acquires, other than by entering it."""
    for node in own_nodes(around) if around is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "acquire":
                yield locks.of(module, node.func.value)


class _Locks:
    """Tells of expressions whether they are locks."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._flow = ContextFlow.of(project)
        self._values = self._flow.values

    def of(self, module: Module, node: ast.expr) -> Locking:
        """Return what is known of an expression whose value is entered or acquired."""
        return _or(self._of(module, node), Locking.KEPT)

    def _of(self, module: Module, node: ast.expr) -> Locking | None:
        """Return what is known of an expression; None if only what it is itself made of tells."""
        key = ("locking", node)
        ask = self._flow.table.ask
        return ask(module, _LOCKING, key, lambda: self._evaluated(module, node))

    def _evaluated(self, module: Module, node: ast.expr) -> Locking | None:
        value = self._values.of(module, node)
        known = self._of_value(value)
        if known is not None:
            return known
        if isinstance(node, ast.Call):
            return self._of_call(module, node)
        if isinstance(node, ast.BoolOp):
            return self._any(module, node.values)
        if isinstance(node, ast.IfExp):
            return self._any(module, (node.body, node.orelse))
        if isinstance(node, ast.Await | ast.NamedExpr):
            return self._of(module, node.value)
        if isinstance(node, ast.Subscript):
            return self._item(module, node.value)
        if isinstance(node, ast.Name):
            found = self._bound(self._project.bindings(module, node))
            function = module.scopes.function_of(node)
            is_new = function is not None and module.scopes.home_of(node).node is function
            return found if is_new else _outliving(found)
        return _outliving(self._attribute(module, node))

    def _of_value(self, value: Value | None) -> Locking | None:
        """Return what a value tells; None where it is not enough to tell."""
        if isinstance(value, Foreign):
            if value.name in LOCKS:
                return Locking.YES
            is_made = value.name.endswith("()")
            return Locking.NO if is_made and is_well_known(value.name) else None
        return self._of_instance(value) if isinstance(value, Instance) else None

    def _of_instance(self, value: Instance) -> Locking | None:
        if any(f"{base}()" in LOCKS for base in self._values.base_names(value.of)):
            return Locking.YES
        methods = (
            self._values.member(value.of, name, of_instance=True)
            for name in ("__enter__", "__aenter__", "acquire")
        )
        known = [each for each in methods if isinstance(each, Function)]
        return _most(map(self._inside, known)) if known else None

    def _of_call(self, module: Module, node: ast.Call) -> Locking | None:
        function = self._values.of(module, node.func)
        if isinstance(function, Function):
            if function.is_generator:
                return self._inside(function)
            returned = function.module.scopes.returned.get(function.node, ())
            return self._any(function.module, returned) if returned else Locking.MADE
        if isinstance(node.func, ast.Attribute) and node.func.attr in ITEM_READERS:
            return _most((self._any(module, node.args[1:]), self._owned(module, node)))
        return Locking.MADE

    def _owned(self, module: Module, call: ast.Call) -> Locking | None:
        """Return what a method like ``get()`` takes out of the object it is called on."""
        assert isinstance(call.func, ast.Attribute)
        found = self._item(module, call.func.value)
        return Locking.MADE if found is Locking.KEPT else found

    def _inside(self, function: Function) -> Locking | None:
        """Return whether a manager of the project enters or acquires a lock itself."""
        module = function.module
        found: list[Locking | None] = [Locking.NO]
        for node in own_nodes(function.node):
            if isinstance(node, ast.With | ast.AsyncWith):
                found += [self._of(module, e.context_expr) for e in node.items]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("acquire", "__enter__", "__aenter__", "enter_context"):
                    owners = node.args if node.func.attr == "enter_context" else [node.func.value]
                    found += [self._of(module, each) for each in owners]
        return _most(found)

    def _any(self, module: Module, nodes: Iterable[ast.expr]) -> Locking | None:
        found = [self._of(module, each) for each in nodes]
        return _most(found) if found else Locking.NO

    def _bound(self, bindings: list[tuple[Module, Binding]]) -> Locking | None:
        """Return what the bindings of a name make it, if one of them does."""
        found: list[Locking | None] = []
        for home, binding in bindings:
            if binding.kind == "parameter":
                found.append(self._parameter(home, binding))
            elif binding.value is not None:
                is_none = isinstance(binding.value, ast.Constant)
                found += [] if is_none else [self._of(home, binding.value)]
            elif isinstance(binding.node, ast.withitem):
                found.append(self._of(home, binding.node.context_expr))
        return _most(found) if found else Locking.KEPT

    def _parameter(self, module: Module, binding: Binding) -> Locking | None:
        """Return what all callers pass: a lock only if each of them does."""
        function = module.scopes.parents[module.scopes.parents[binding.node]]
        passed = [
            self._of(home, argument)
            for home, name, argument in self._passed(module, function)
            if name == binding.name and not isinstance(argument, ast.Constant)
        ]
        known = [each for each in passed if each is not None]
        return min(known) if known else None if passed else Locking.KEPT

    def _passed(self, module: Module, function: ast.AST) -> Iterator[tuple[Module, str, ast.expr]]:
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        called = as_called(module, function)
        for home, call in self._calls(module, function):
            for name, argument in passed_by(self._project, home, call, called):
                yield home, name, argument

    def _calls(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[tuple[Module, ast.Call]]:
        owner = module.scopes.parents[function]
        if isinstance(owner, ast.ClassDef) and function.name == "__init__":
            return instantiations(Class(module, owner), self._project)
        return calls_of(self._project, module, function)

    def _attribute(self, module: Module, node: ast.expr) -> Locking | None:
        if not isinstance(node, ast.Attribute):
            return Locking.KEPT
        bindings = self._project.bindings(module, node)
        if bindings:
            return self._bound(bindings)
        owner = self._values.of(module, node.value)
        if isinstance(owner, Instance):
            assigned = self._values.assigned(owner.of).get(node.attr, ())
            if assigned:
                return self._any(owner.of.module, assigned)
        return Locking.KEPT

    def _item(self, module: Module, container: ast.expr) -> Locking | None:
        """Return what the values of a container are, as far as what fills it tells."""
        found = [self._element(home, value) for home, value in self._containers(module, container)]
        for node in module.scopes.nodes(ast.Subscript):
            parent = module.scopes.parents[node]
            if isinstance(node.ctx, ast.Store) and isinstance(parent, ast.Assign):
                if ast.unparse(node.value) == ast.unparse(container):
                    found.append(self._of(module, parent.value))
        return _most(found) if found else Locking.KEPT

    def _containers(self, module: Module, container: ast.expr) -> Iterator[tuple[Module, ast.expr]]:
        for home, binding in self._project.bindings(module, container):
            if binding.value is not None:
                yield home, binding.value
        if isinstance(container, ast.Attribute):
            owner = self._values.of(module, container.value)
            if isinstance(owner, Instance):
                for value in self._values.assigned(owner.of).get(container.attr, ()):
                    yield owner.of.module, value

    def _element(self, module: Module, container: ast.expr) -> Locking | None:
        """Return what a new container holds, or makes where it has no value."""
        if isinstance(container, ast.Dict):
            return self._any(module, container.values)
        if isinstance(container, ast.List | ast.Tuple):
            return self._any(module, container.elts)
        if isinstance(container, ast.DictComp):
            return self._of(module, container.value)
        if isinstance(container, ast.ListComp):
            return self._of(module, container.elt)
        made = self._values.of(module, container)
        if made == Foreign("collections.defaultdict()") and isinstance(container, ast.Call):
            makers = (self._values.of(module, each) for each in container.args[:1])
            made_of = (self._of_value(self._values.result(each)) for each in makers)
            return _or(_most(made_of), Locking.NO)
        return Locking.NO if made is not None else Locking.KEPT


def _most(found: Iterable[Locking | None]) -> Locking | None:
    """Return the most of what is known; None where nothing is yet."""
    return max((each for each in found if each is not None), default=None)


def _or(found: Locking | None, otherwise: Locking) -> Locking:
    return otherwise if found is None else found


_LOCKING: QuestionKind[Locking | None] = QuestionKind(
    "locking", None, lambda one, other: _most((one, other))
)


def _outliving(found: Locking | None) -> Locking | None:
    """Return what is known of an object that outlives the function that enters it."""
    return Locking.KEPT if found is Locking.MADE else found
