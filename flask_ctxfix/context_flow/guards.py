"""What provides a context, or makes code run only where there is one."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flask_ctxfix.context_flow.made_contexts import Need, proves_context
from flask_ctxfix.context_flow.proofs import NEVER_FALSE, NEVER_TRUE, PROBES, Proofs
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Function, Known, Value
from flask_ctxfix.flask_facts import PROXIES
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import before_in, ends, own_nodes, way_out


def is_proxy(value: Value | None) -> bool:
    """Whether a value is one of the proxies of Flask or of its extensions."""
    return isinstance(value, Foreign) and value.name in PROXIES


_TESTS = (
    ast.Attribute,
    ast.BoolOp,
    ast.Call,
    ast.Constant,
    ast.IfExp,
    ast.Name,
    ast.NamedExpr,
    ast.UnaryOp,
)
_BRANCHES = (ast.Assert, ast.If, ast.IfExp, ast.While)
_ANSWERS = (ast.BoolOp, ast.Call, ast.UnaryOp)
_FOR_BOTH = QuestionKind("for both", False, bool.__or__)


class Guards(Proofs):
    """Which contexts the tests around code, and before it, prove."""

    def tell(self, module: Module, test: ast.expr) -> bool:
        """Whether a test proves, or has to do with, whether there is a context."""
        proof = self.proof(module, test)
        is_constant = proof in (NEVER_FALSE, NEVER_TRUE)
        tells = proof.if_true is not proof.if_false and not is_constant
        return tells or self.is_asked(module, test)

    def is_asked(self, module: Module, test: ast.expr) -> bool:
        """Whether a test that proves nothing compares, or uses, whether there is a context."""
        if isinstance(test, _TESTS):
            return False
        return any(self._asks(module, each) for each in ast.walk(test))

    def is_for_both(self, module: Module, function: FunctionNode) -> bool:
        """Whether a function asks if there is a context, or a helper that it names does."""
        key = ("for both", function)
        return self._table.ask(
            module, _FOR_BOTH, key, lambda: self._asks_or_helpers(module, function)
        )

    def _asks_or_helpers(self, module: Module, function: FunctionNode) -> bool:
        if self.asks(module, function):
            return True
        for node in own_nodes(function):
            if not isinstance(node, ast.Name | ast.Attribute):
                continue
            value = self._values.of(module, node)
            if isinstance(value, Foreign) and value.name in PROBES:
                return True
            if isinstance(value, Function) and self.is_for_both(value.module, value.node):
                return True
        return False

    def asks(self, module: Module, function: FunctionNode) -> bool:
        """Whether a function itself asks if there is a context, where it branches or before."""
        nodes = [*own_nodes(function)]
        tests = (each.test for each in nodes if isinstance(each, _BRANCHES))
        answers = (each for each in nodes if isinstance(each, _ANSWERS))
        return any(self.tell(module, each) for each in (*tests, *answers))

    def _asks(self, module: Module, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            function = self._values.of(module, node.func)
            return isinstance(function, Foreign) and function.name in PROBES
        if not isinstance(node, ast.Name):
            return False
        bindings = module.scopes.home_of(node).bindings.get(node.id, [])
        return any(self._asks(module, v) for b in bindings if isinstance(v := b.value, ast.Call))

    def at(self, module: Module, node: ast.AST, given: Known = ()) -> Need:
        """Return the context that there certainly is in a function where `node` is evaluated.

        Tests and contexts around it prove that, and tests before it that leave otherwise.
        """
        made = (
            proves_context(self._values, module, item.context_expr)
            for parent, child in way_out(module, node)
            if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body
            for item in parent.items
        )
        return max((self._tested(module, node, given), *made))

    def _tested(self, module: Module, node: ast.AST, given: Known) -> Need:
        """Return the context that tests around `node`, and before it, have proven."""
        proven = Need.NONE
        for parent, child in way_out(module, node):
            proven = max(proven, self._around(module, parent, child, node, given))
            proven = max(proven, self._before(module, parent, child, node, given))
        return proven

    def _around(
        self, module: Module, parent: ast.AST, child: ast.AST, node: ast.AST, given: Known
    ) -> Need:
        """Return what `parent` proves of `node`, which is `child`, or stands in that part of it."""
        if isinstance(parent, ast.If | ast.While | ast.IfExp) and child is not parent.test:
            if self._ends.is_popped(module, parent.test, node):
                return Need.NONE
            proof = self.proof(module, parent.test, given)
            body = parent.body if isinstance(parent.body, list) else [parent.body]
            if child in body:
                return proof.if_true
            may_break = isinstance(parent, ast.While) and _breaks(parent.body)
            return Need.NONE if may_break else proof.if_false
        if isinstance(parent, ast.BoolOp):
            earlier = parent.values[: parent.values.index(child)]  # type: ignore[arg-type]
            proofs = [self.proof(module, each, given) for each in earlier]
            if isinstance(parent.op, ast.And):
                return max((proof.if_true for proof in proofs), default=Need.NONE)
            return max((proof.if_false for proof in proofs), default=Need.NONE)
        return Need.NONE

    def _before(
        self, module: Module, parent: ast.AST, child: ast.AST, node: ast.AST, given: Known
    ) -> Need:
        """Return what the statements before `child` in its block of `parent` prove of `node`."""
        proven = Need.NONE
        for statement in before_in(parent, child):
            if not isinstance(statement, ast.Assert | ast.If):
                continue
            if self._ends.is_popped(module, statement.test, node):
                continue
            if isinstance(statement, ast.Assert):
                proven = max(proven, self.proof(module, statement.test, given).if_true)
            else:
                proof = self.proof(module, statement.test, given)
                if ends(statement.body):
                    proven = max(proven, proof.if_false)
                if ends(statement.orelse):
                    proven = max(proven, proof.if_true)
        return proven


def _breaks(block: Sequence[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Break) for statement in block for each in ast.walk(statement))
