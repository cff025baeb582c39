"""Walks over the statements of one function, in the order in which they run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flask_ctxfix.codemods.stored_requests.nested import opens_context
from flask_ctxfix.context_flow.values import Foreign, Known
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import FunctionNode

if TYPE_CHECKING:
    from flask_ctxfix.codemods.stored_requests.order import Order

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


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


class Walk:
    """One walk over the statements of a function in the order in which they run.

    `ends` are its ways out: the return, or None for the last statement, and whether it wrote.
    """

    def __init__(
        self,
        order: Order,
        module: Module,
        function: FunctionNode,
        given: Known = (),
    ) -> None:
        self._order = order
        self._module = module
        self._given = given
        self._states: dict[ast.AST, bool] = {}
        self._elsewhere = False
        self.ends: list[tuple[ast.Return | None, bool]] = []
        if isinstance(function, ast.Lambda):
            self._expression(function.body, False)
            return
        after = self._block(function.body, False)
        if after is not None:
            self.ends.append((None, after))

    def is_written_at(self, node: ast.AST) -> bool:
        """Whether something certainly wrote before a node."""
        return self._states.get(node, False)

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
                self._expression(case.pattern, state)
                guarded = self._expression(case.guard, state)
                after = _either(after, self._block(case.body, guarded))
            return after
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, state)  # type: ignore[arg-type]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            state = self._each(node.decorator_list, state)
            return self._each((*node.args.defaults, *node.args.kw_defaults), state)
        if isinstance(node, ast.ClassDef):
            state = self._each((*node.decorator_list, *node.bases, *node.keywords), state)
            return self._block(node.body, state)
        return self._simple(node, state)

    def _simple(self, node: ast.stmt, state: bool) -> bool | None:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            state = self._expression(node.value, state)
            return self._each(targets, state)
        state = self._each(ast.iter_child_nodes(node), state)
        if isinstance(node, ast.Return):
            self.ends.append((node, state))
        is_end = isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break)
        return None if is_end else state

    def _with(self, node: ast.With | ast.AsyncWith, state: bool) -> bool | None:
        may_suppress = False
        elsewhere = self._elsewhere
        for item in node.items:
            state = self._expression(item.context_expr, state)
            self._elsewhere |= opens_context(self._order.values, self._module, item.context_expr)
            self._expression(item.optional_vars, state)
            value = self._order.values.of(self._module, item.context_expr)
            is_known = isinstance(value, Foreign) and value.name != "contextlib.suppress()"
            may_suppress |= not is_known
        after = self._block(node.body, state)
        self._elsewhere = elsewhere
        return _either(after, state) if may_suppress else after

    def _try(self, node: ast.Try, state: bool) -> bool | None:
        after = self._block(node.body, state)
        if after is not None:
            after = self._block(node.orelse, after)
        for handler in node.handlers:
            self._expression(handler.type, state)
            after = _either(after, self._block(handler.body, state))
        finally_ = self._block(node.finalbody, state)
        if after is None or finally_ is None:
            return None
        return after or finally_

    def _each(self, nodes: Iterable[ast.AST | None], state: bool) -> bool:
        for node in nodes:
            state = self._expression(node, state)
        return state

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
        if self._elsewhere:
            return state  # it would be another `g`
        if isinstance(node, ast.Call):
            return state or self._order.is_writing(self._module, node, self._given)
        return state or (
            isinstance(node, ast.Name | ast.Attribute)
            and key_of(self._module, node) in self._order.writes
        )

    def _in_part(self, node: ast.AST, state: bool) -> bool:
        """Walk an expression of which only the first part is evaluated for certain."""
        first, *rest = _parts(node)
        state = self._expression(first, state)
        for each in rest:
            self._expression(each, state)
        return state


def certain_parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement or an expression that are evaluated whenever it is."""
    yield node
    if isinstance(node, ast.BoolOp | ast.IfExp | ast.Compare | _COMPREHENSIONS):
        yield from certain_parts(_parts(node)[0])
    elif not isinstance(node, ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from certain_parts(child)


def _parts(node: ast.AST) -> list[ast.expr]:
    """Return the parts of an expression of which only the first is evaluated for certain."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.test, node.body, node.orelse]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    assert isinstance(node, _COMPREHENSIONS)
    nested = [e for g in node.generators for e in (g.target, *g.ifs)]
    inner = [g.iter for g in node.generators[1:]]
    made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return [node.generators[0].iter, *nested, *inner, *made]


def _either(one: bool | None, other: bool | None) -> bool | None:
    """Return what is certain where one of two ways was taken; None is a way that is not there."""
    if one is None or other is None:
        return other if one is None else one
    return one and other
