"""Whether a slot is certainly written before code runs, in the same request.

The statements of a function are walked in the order in which they run; what is certain before a
call is certain when its function begins. Code that may run without a write before it has none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.entries import Entries
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.guards import makes_context
from flask_ctxfix.context_flow.values import Foreign, Function, parameters_of
from flask_ctxfix.flask_facts import is_transparent
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode

_DEEPEST = 12
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Written(IntEnum):
    """Whether something wrote before; unless the request ended early: only then it may not have."""

    NO = 0
    UNLESS_ENDED = 1
    YES = 2


class Key(NamedTuple):
    """A place in a file, whether or not that was parsed again."""

    path: str
    row: int
    column: int
    end: int


def key_of(module: Module, node: ast.AST) -> Key:
    """Return the place of an expression, a statement or a function."""
    row, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
    return Key(module.path, row, column, getattr(node, "end_col_offset", 0))


def function_around(module: Module, node: ast.AST) -> FunctionNode | None:
    """Return the function that evaluates a node: not the one whose default or decorator it is."""
    for scope in module.scopes.scope_of(node).and_outer():
        if isinstance(scope.node, FunctionNode):
            return scope.node
    return None


class Order:
    """Follows the writes of one slot through a project.

    `doubts` are what keeps the answers from being certain; `nested` the places on the way where
    another context is active.
    """

    def __init__(self, project: Project, writes: frozenset[Key]) -> None:
        self.writes = writes
        self.values = ContextFlow.of(project).values
        self.doubts: list[str] = []
        self.nested: list[str] = []
        self._reachability = ContextFlow.of(project).reachability
        self._entries = Entries(project)
        self._walks: dict[Key, Walk] = {}
        self._pending: list[Key] = []

    def before(self, module: Module, node: ast.AST) -> Written:
        """Return whether something certainly wrote when `node` is evaluated."""
        function = function_around(module, node)
        if function is None:
            return Written.NO
        self.look_around(module, node)
        if self.walk(module, function).is_written_at(node):
            return Written.YES
        if isinstance(function, ast.Lambda) or function in module.scopes.generators:
            return Written.NO
        return self._at_entry(module, function)

    def walk(self, module: Module, function: FunctionNode) -> Walk:
        """Return what is known of the statements of a function."""
        key = key_of(module, function)
        if key not in self._walks:
            self._walks[key] = Walk(self, module, function)
        return self._walks[key]

    def always_writes(self, value: Function, *, as_hook: bool = False) -> bool:
        """Whether every run of a function that ends well writes.

        The hook of a request that answers it ends well without: nothing runs after it.
        """
        module, node = value.module, value.node
        if isinstance(node, ast.Lambda) or node in module.scopes.generators:
            return False
        key = key_of(module, node)
        if key in self._pending or len(self._pending) > _DEEPEST:
            return False
        self._pending.append(key)
        try:
            ends = Walk(self, module, node, value.given).ends
        finally:
            self._pending.pop()
        left = [w for end, w in ends if not (as_hook and self._entries.is_answer(module, end))]
        return all(left) and bool(ends)

    def _at_entry(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Written:
        key = key_of(module, function)
        if key in self._pending:
            return Written.YES  # a call of itself comes after one from elsewhere
        if len(self._pending) > _DEEPEST:
            return Written.NO
        self._pending.append(key)
        try:
            if self._is_written_by_decorator(module, function):
                return Written.YES
            return min(self._ways_in(module, function), default=Written.NO)
        finally:
            self._pending.pop()

    def _ways_in(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterable[Written]:
        """Yield, for each way in which a function is called, whether something wrote before."""
        for entry in self._entries.of(module, function):
            hooks = [self._entries.covers(hook, entry) for hook in self._hooks()]
            best = Written.YES if entry.is_view else Written.UNLESS_ENDED
            yield best if any(hooks) and entry.has_hooks else Written.NO
        for home, reference in self._reachability.references(module, function):
            if self._entries.is_registration(home, reference):
                continue
            call = home.scopes.parents.get(reference)
            if not isinstance(call, ast.Call) or call.func is not reference:
                yield Written.NO
                continue
            self._doubt_decorators(module, function)
            yield self.before(home, call)

    def _hooks(self) -> list[Function]:
        hooks = self._entries.hooks
        return [hook for hook in hooks if self.always_writes(hook, as_hook=True)]

    def _doubt_decorators(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            value = self.values.of(module, called)
            is_known = isinstance(value, Foreign) and is_transparent(value.name)
            if not is_known and not isinstance(value, Function):
                self.doubts.append(f"what `{ast.unparse(called)}` does around `{function.name}`")

    def look_around(self, module: Module, node: ast.AST) -> None:
        """Remember where another context is active around a place on the way."""
        child = node
        for parent in module.scopes.ancestors(node):
            if isinstance(parent, FunctionNode):
                break
            if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body:
                if any(makes_context(item.context_expr) for item in parent.items):
                    self.nested.append(ast.unparse(parent.items[0].context_expr))
            child = parent

    def _is_written_by_decorator(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> bool:
        """Whether a decorator of the project writes before it calls the function."""
        for decorator in reversed(function.decorator_list):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            maker = self.values.of(module, called)
            if isinstance(maker, Foreign) and not is_transparent(maker.name):
                self.doubts.append(f"what `{ast.unparse(called)}` does around `{function.name}`")
            if self._entries.is_entry_decorator(module, decorator):
                return False  # it is given the function as it is up to here
            if isinstance(decorator, ast.Call) and isinstance(maker, Function):
                maker = self.values.result(maker)
            if isinstance(maker, Function) and self._writes_before_its_argument(maker):
                return True
        return False

    def _writes_before_its_argument(self, maker: Function) -> bool:
        names = parameters_of(maker)[1 if maker.receiver is not None else 0 :][:1]
        module = maker.module
        scope = module.scopes.opened_by(maker.node)
        calls = [
            module.scopes.parents[read] for name in names for read in scope.reads.get(name, ())
        ]
        made = [c for c in calls if isinstance(c, ast.Call) and getattr(c.func, "id", "") in names]
        return bool(made) and all(
            (around := function_around(module, call)) is not None
            and around is not maker.node
            and self.walk(module, around).is_written_at(call)
            for call in made
        )


class Walk:
    """One walk over the statements of a function in the order in which they run.

    `ends` are its ways out: the return, or None for the last statement, and whether it wrote.
    """

    def __init__(
        self,
        order: Order,
        module: Module,
        function: FunctionNode,
        given: tuple[object, ...] = (),
    ) -> None:
        self._order = order
        self._module = module
        self._given = given
        self._states: dict[ast.AST, bool] = {}
        self.ends: list[tuple[ast.Return | None, bool]] = []
        if isinstance(function, ast.Lambda):
            self._expression(function.body, False)
            return
        after = self._block(function.body, False)
        if after is not None:
            self.ends.append((None, after))

    def is_written_at(self, node: ast.AST) -> bool:
        """Whether something certainly wrote before a node; what is never reached counts so."""
        return self._states.get(node, True)

    def _block(self, statements: Sequence[ast.stmt], state: bool) -> bool | None:
        """Walk statements; return the state after the last, None if nothing gets there."""
        current: bool | None = state
        for statement in statements:
            if current is None:
                break
            self._states[statement] = current
            current = self._statement(statement, current)
        return current

    def _statement(self, node: ast.stmt, state: bool) -> bool | None:
        if isinstance(node, ast.If):
            state = self._expression(node.test, state)
            return _either(self._block(node.body, state), self._block(node.orelse, state))
        if isinstance(node, ast.For | ast.AsyncFor):
            state = self._expression(node.iter, state)
            self._expression(node.target, state)
            self._block(node.body, state)
            self._block(node.orelse, state)
            return state
        if isinstance(node, ast.While):
            state = self._expression(node.test, state)
            self._block(node.body, state)
            self._block(node.orelse, state)
            return state
        if isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node, state)
        if isinstance(node, ast.Match):
            state = self._expression(node.subject, state)
            last = node.cases[-1]
            is_complete = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
            after: bool | None = None if is_complete and last.guard is None else state
            for case in node.cases:
                after = _either(after, self._block(case.body, state))
            return after
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, state)  # type: ignore[arg-type]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for each in (*node.decorator_list, *node.args.defaults):
                state = self._expression(each, state)
            return state
        if isinstance(node, ast.ClassDef):
            return self._block(node.body, state)
        return self._simple(node, state)

    def _simple(self, node: ast.stmt, state: bool) -> bool | None:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            state = self._expression(node.value, state)
            for target in targets:
                state = self._expression(target, state)
            return state
        for child in ast.iter_child_nodes(node):
            state = self._expression(child, state)
        if isinstance(node, ast.Return):
            self.ends.append((node, state))
        is_end = isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break)
        return None if is_end else state

    def _with(self, node: ast.With | ast.AsyncWith, state: bool) -> bool | None:
        may_suppress = False
        for item in node.items:
            state = self._expression(item.context_expr, state)
            value = self._order.values.of(self._module, item.context_expr)
            is_known = isinstance(value, Foreign) and value.name != "contextlib.suppress()"
            may_suppress |= not is_known
        after = self._block(node.body, state)
        return _either(after, state) if may_suppress else after

    def _try(self, node: ast.Try, state: bool) -> bool | None:
        after = self._block(node.body, state)
        if after is not None:
            after = self._block(node.orelse, after)
        for handler in node.handlers:
            after = _either(after, self._block(handler.body, state))
        finally_ = self._block(node.finalbody, state)
        if after is None or finally_ is None:
            return None
        return after or finally_

    def _expression(self, node: ast.AST | None, state: bool) -> bool:
        """Return whether something wrote once `node` was evaluated."""
        if node is None or isinstance(node, ast.expr_context):
            return state
        self._states[node] = state
        if isinstance(node, ast.Lambda):
            return state
        if isinstance(node, ast.BoolOp | ast.IfExp | ast.Compare | _COMPREHENSIONS):
            return self._in_part(node, state)
        for child in ast.iter_child_nodes(node):
            state = self._expression(child, state)
        self._states[node] = state
        if isinstance(node, ast.Call):
            return state or self._writes(node)
        return state or (
            isinstance(node, ast.Name | ast.Attribute)
            and key_of(self._module, node) in self._order.writes
        )

    def _in_part(self, node: ast.AST, state: bool) -> bool:
        """Walk an expression of which only the first part is evaluated for certain."""
        if isinstance(node, ast.BoolOp):
            first, *rest = node.values
        elif isinstance(node, ast.IfExp):
            first, *rest = node.test, node.body, node.orelse
        elif isinstance(node, ast.Compare):
            first, *rest = node.left, *node.comparators
        else:
            assert isinstance(node, _COMPREHENSIONS)
            first = node.generators[0].iter
            nested = [e for g in node.generators for e in (g.target, *g.ifs)]
            inner = [g.iter for g in node.generators[1:]]
            made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            rest = [*nested, *inner, *made]
        state = self._expression(first, state)
        for each in rest:
            self._expression(each, state)
        return state

    def _writes(self, call: ast.Call) -> bool:
        value = self._order.values.of(self._module, call.func, self._given)  # type: ignore[arg-type]
        if not isinstance(value, Function):
            return False
        is_awaited = isinstance(self._module.scopes.parents.get(call), ast.Await)
        if isinstance(value.node, ast.AsyncFunctionDef) and not is_awaited:
            return False
        return self._order.always_writes(value)


def _either(one: bool | None, other: bool | None) -> bool | None:
    """Return what is certain where one of two ways was taken; None is a way that is not there."""
    if one is None or other is None:
        return other if one is None else one
    return one and other
