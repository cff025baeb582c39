"""What the statements of a function use of a context, and which they leave pushed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flask_ctxfix.context_flow.expression_uses import ExpressionUses, State
from flask_ctxfix.context_flow.handled_errors import (
    expects_failure,
    expects_no_context,
    fallbacks,
    hides_errors,
    is_suppressing,
    suppresses_error,
)
from flask_ctxfix.context_flow.made_contexts import (
    Need,
    made_context,
    makes_context,
    may_be_context,
)
from flask_ctxfix.context_flow.values import Function, Instance
from flask_ctxfix.scopes import children
from flask_ctxfix.statements import LEAVING, ends


class StatementUses(ExpressionUses):
    """One walk over the body of a function, in the order in which it runs."""

    def block(self, statements: Sequence[ast.stmt], state: State) -> State:
        """Visit statements in turn; return what is known after the last one."""
        for statement in statements:
            state = self._statement(statement, state)
            if isinstance(statement, LEAVING):
                break
        return state

    def _statement(self, node: ast.stmt, state: State) -> State:
        if isinstance(node, ast.If):
            return self._if(node, state)
        if isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node, state)
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self._try(node, state)  # type: ignore[arg-type]
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            return self._loop(node, state)
        if isinstance(node, ast.Match):
            self.visit(node.subject, state)
            proven = self._proven(node.subject)
            for case in node.cases:
                self.visit(case.guard, state.maybe().where(any(proven)))
                self.block(case.body, state.maybe().where(any(proven)))
            return self._after(node, state)
        if isinstance(node, ast.Assert):
            self.visit(node.test, state)
            self.visit(node.msg, state.maybe())
            return state
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for each in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
                self.visit(each, state)
            return state
        if isinstance(node, ast.ClassDef):
            for each in (*node.decorator_list, *node.bases):
                self.visit(each, state)
            self.block(node.body, state)
            return state
        for child in children(node):
            self.visit(child, state)
        return state.with_context(self._pushed(node, state))

    def _if(self, node: ast.If, state: State) -> State:
        self.visit(node.test, state)
        decided = self._decided(node.test)
        if decided is not None:
            return self.block(node.body if decided else node.orelse, state)
        if_true, if_false = self._proven(node.test)
        then = self.block(node.body, state.maybe().where(if_true))
        otherwise = self.block(node.orelse, state.maybe().where(if_false))
        after = self._after(node, state)
        if ends(node.body):
            return after.with_context(otherwise.provided)
        if ends(node.orelse):
            return after.with_context(then.provided)
        if not (if_true and if_false):
            pushed = min(then.provided, otherwise.provided)
            if after.is_certain:
                self._leaves = max(self._leaves, pushed)
            after = after.with_context(pushed)
        return after

    def _with(self, node: ast.With | ast.AsyncWith, state: State) -> State:
        inner = state
        for item in node.items:
            self.visit(item.context_expr, inner)
            inner = inner.with_context(self._provided(item.context_expr))
        managers = [item.context_expr for item in node.items]
        if any(hides_errors(self._values, self._module, each, self._given) for each in managers):
            self.block(node.body, inner.maybe())
            return self._after(node, state)
        if any(is_suppressing(self._value(each)) for each in managers):
            self._failing_block(node.body, inner)
            return self._after(node, state)
        after = self.block(node.body, inner)
        return state._replace(is_certain=after.is_certain)

    def _failing_block(self, body: Sequence[ast.stmt], state: State) -> None:
        """Visit statements whose failure the code counts on: after the first, none is certain."""
        self.block(body[1:], self.block(body[:1], state).maybe())

    def _try(self, node: ast.Try, state: State) -> State:
        is_guarded = expects_no_context(self._module, self._values.project, node)
        if not all(
            self._fails_too(handler, state)
            for handler in fallbacks(self._values, self._module, node)
        ):
            self.block(node.body, state.maybe().where(is_guarded))
            after = state
        elif expects_failure(self._module, self._values.project, node):
            self._failing_block(node.body, state.where(is_guarded))
            after = state
        else:
            after = self.block(node.body, state.where(is_guarded))
        for handler in node.handlers:
            self.block(handler.body, state.maybe().where(is_guarded))
        self.block(node.orelse, after.maybe().where(is_guarded))
        self.block(node.finalbody, state)
        provided = state.provided if is_guarded else after.provided
        return self._after(node, after._replace(provided=provided))

    def _fails_too(self, handler: ast.ExceptHandler, state: State) -> bool:
        """Whether a handler itself begins with a use, which fails as what it handles did."""
        count = len(self._uses)
        self.block(handler.body[:1], state)
        fails = any(use.is_certain for use in self._uses[count:])
        del self._uses[count:]
        return fails

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: State) -> State:
        if isinstance(node, ast.While):
            self.visit(node.test, state)
            runs = isinstance(node.test, ast.Constant) and bool(node.test.value)
            proven = self._proven(node.test)[0]
            self.block(node.body, (state if runs else state.maybe()).where(proven))
        else:
            self._iterated(node.iter, state)
            self.visit(node.target, state.maybe())
            self.block(node.body, state.maybe())
        self.block(node.orelse, state.maybe())
        return self._after(node, state)

    def _after(self, node: ast.stmt, state: State) -> State:
        """Return what is known behind a statement that may have left the function."""
        return state.maybe() if node in self._module.scopes.leaving else state

    def _provided(self, node: ast.expr) -> Need:
        """Return the context that entering `node` provides."""
        value = self._value(node)
        made = makes_context(node)
        if made is Need.NONE and isinstance(node, ast.Name):
            made = self._kept_context(node)
        if made is not Need.NONE:
            return made
        made = made_context(value)
        if made is not Need.NONE:
            return made
        if suppresses_error(self._module, self._values.project, node, value):
            return Need.REQUEST
        if may_be_context(self._values, self._module, node, value):
            return Need.REQUEST
        if isinstance(node, ast.Call):
            function = self._value(node.func)
            if isinstance(function, Function) and function.is_generator:
                return self._needs.of(self._bound(node, function)).yields
        if isinstance(value, Instance):
            enter = self._values.member(value.of, "__enter__", of_instance=True)
            return self._needs.of(enter).leaves
        return Need.NONE

    def _kept_context(self, node: ast.Name) -> Need:
        """Return which context a variable holds."""
        scope = self._module.scopes.home_of(node)
        values = [binding.value for binding in scope.bindings.get(node.id, [])]
        made = {makes_context(value) for value in values if value is not None}
        return made.pop() if len(made) == 1 and len(values) == 1 else Need.NONE

    def _pushed(self, node: ast.stmt, state: State) -> Need:
        """Return the context that a statement leaves pushed."""
        call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
        if not isinstance(call, ast.Call):
            return Need.NONE
        pushed = Need.NONE
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"push", "__enter__"}:
            pushed = self._provided(call.func.value)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "enter_context":
            pushed = max((self._provided(each) for each in call.args), default=Need.NONE)
        else:
            function = self._value(call.func)
            if isinstance(function, Function):
                pushed = self._needs.of(self._bound(call, function)).leaves
        if state.is_certain:
            self._leaves = max(self._leaves, pushed)
        return pushed
