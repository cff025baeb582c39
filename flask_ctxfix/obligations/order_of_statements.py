"""What has certainly happened in a function before code there runs, and when the function ends."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import LEAVING, TRIES

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Happened:
    """One walk over the statements of a function, in the order in which they run.

    `does` says of a call, a name or an attribute whether it certainly happens when that is
    evaluated; it does not below a ``with`` of a manager that `is_apart`. Code goes on behind one
    that `may_hide` errors. `ends` are the ways out of the function: the return, or None for the
    last statement, and whether it has happened.
    """

    def __init__(
        self,
        function: FunctionNode,
        does: Callable[[ast.expr], bool],
        *,
        is_apart: Callable[[ast.expr], bool] = lambda manager: False,
        may_hide: Callable[[ast.expr], bool] = lambda manager: True,
    ) -> None:
        self._does = does
        self._is_apart = is_apart
        self._may_hide = may_hide
        self._states: dict[ast.AST, bool] = {}
        self._elsewhere = False
        self.ends: list[tuple[ast.Return | None, bool]] = []
        if isinstance(function, ast.Lambda):
            self._expression(function.body, False)
            return
        after = self._block(function.body, False)
        if after is not None:
            self.ends.append((None, after))

    def before(self, node: ast.AST) -> bool:
        """Whether it certainly has happened when a node is evaluated."""
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
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            state = self._expression(node.test if isinstance(node, ast.While) else node.iter, state)
            self._expression(getattr(node, "target", None), state)
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
        if isinstance(node, TRIES):
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
        return None if isinstance(node, LEAVING) else state

    def _with(self, node: ast.With | ast.AsyncWith, state: bool) -> bool | None:
        may_suppress = False
        elsewhere = self._elsewhere
        for item in node.items:
            state = self._expression(item.context_expr, state)
            self._elsewhere |= self._is_apart(item.context_expr)
            self._expression(item.optional_vars, state)
            may_suppress |= self._may_hide(item.context_expr)
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
        """Return whether it has happened once `node` was evaluated."""
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
        if state or self._elsewhere:
            return state
        return isinstance(node, ast.Call | ast.Name | ast.Attribute) and self._does(node)

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
