"""What the code around an expression proves about the contexts that are active there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemods.removed_apis.stack_uses import Kind, StackUses, Top
from flask_ctxfix.project import Module, Project
from flask_ctxfix.statements import before_in, ends

Kinds = frozenset[Kind]

_NOTHING: Kinds = frozenset()
_APP: Kinds = frozenset({"app"})
_REQUEST: Kinds = frozenset({"app", "request"})
_PROVES = {
    "has_request_context": _REQUEST,
    "request": _REQUEST,
    "has_app_context": _APP,
    "current_app": _APP,
    "g": _APP,
}
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Guards:
    """Answers which contexts are certainly active where an expression is evaluated."""

    def __init__(self, module: Module, project: Project, uses: StackUses) -> None:
        self._module = module
        self._project = project
        self._uses = uses

    def is_active(self, top: Top) -> bool:
        """Whether the context that a use asks for is certainly there."""
        return top.kind in self.active(top.node)

    def active(self, node: ast.expr) -> Kinds:
        """Return the kinds of context that tests around `node` prove to be active."""
        function = self._module.scopes.function_of(node)
        if function is not None and self._uses.may_change_context(function):
            return _NOTHING
        return frozenset().union(*self._proofs(node))

    def _proofs(self, node: ast.AST) -> Iterator[Kinds]:
        child = node
        for parent in self._module.scopes.ancestors(node):
            if isinstance(parent, _FUNCTION):
                yield from self._before(parent, child)
                return
            if isinstance(parent, ast.If | ast.While | ast.IfExp):
                yield self._branch(parent, child)
            elif isinstance(parent, ast.BoolOp):
                earlier = parent.values[: parent.values.index(_expression(child))]
                is_and = isinstance(parent.op, ast.And)
                yield from (self.implied(value, is_and) for value in earlier)
            yield from self._before(parent, child)
            child = parent

    def _branch(self, parent: ast.If | ast.While | ast.IfExp, child: ast.AST) -> Kinds:
        if child is parent.test:
            return _NOTHING
        body = parent.body if isinstance(parent.body, list) else [parent.body]
        if child in body:
            return self.implied(parent.test, True)
        return _NOTHING if isinstance(parent, ast.While) else self.implied(parent.test, False)

    def _before(self, parent: ast.AST, child: ast.AST) -> Iterator[Kinds]:
        """Yield what the statements before `child` in its block prove."""
        for statement in before_in(parent, child):
            if isinstance(statement, ast.Assert):
                yield self.implied(statement.test, True)
            elif isinstance(statement, ast.If) and ends(statement.body):
                yield self.implied(statement.test, False)

    def implied(self, test: ast.expr, outcome: bool) -> Kinds:
        """Return the kinds of context that are active when the truth of `test` is `outcome`."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.implied(test.operand, not outcome)
        if isinstance(test, ast.BoolOp):
            each = [self.implied(value, outcome) for value in test.values]
            together = isinstance(test.op, ast.And) is outcome
            return frozenset().union(*each) if together else frozenset.intersection(*each)
        tested, positive = none_test(test) or (test, True)
        return self._proved(tested, tested is not test) if positive is outcome else _NOTHING

    def _proved(self, node: ast.expr, by_identity: bool) -> Kinds:
        kind = self._uses.kind_of(node)
        if kind is not None:
            return _REQUEST if kind == "request" else _APP
        if by_identity:
            return _NOTHING
        called = node.func if isinstance(node, ast.Call) else None
        name = self._project.flask_name(self._module, called or node)
        if name is None or name.startswith("has_") is not (called is not None):
            return _NOTHING
        return _PROVES.get(name, _NOTHING)


def is_tested(module: Module, node: ast.expr) -> bool:
    """Whether only the truth of `node` matters."""
    parent = module.scopes.parents[node]
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
        return parent.test is node
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    if isinstance(parent, ast.Call):
        return getattr(parent.func, "id", "") == "bool" and parent.args == [node]
    return isinstance(parent, ast.BoolOp) and is_tested(module, parent)


def none_test(test: ast.expr) -> tuple[ast.expr, bool] | None:
    """Split ``x is None`` and its relatives into `x` and whether the test holds for a non-None."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right = test.left, test.comparators[0]
    sides = {id(left): right, id(right): left}
    nones = [s for s in (left, right) if isinstance(s, ast.Constant) and s.value is None]
    if len(nones) != 1:
        return None
    other = sides[id(nones[0])]
    if isinstance(test.ops[0], ast.Is | ast.Eq):
        return other, False
    if isinstance(test.ops[0], ast.IsNot | ast.NotEq):
        return other, True
    return None


def _expression(node: ast.AST) -> ast.expr:
    assert isinstance(node, ast.expr)
    return node
