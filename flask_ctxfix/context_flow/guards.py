"""What provides a context, or makes code run only where there is one."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import (
    Foreign,
    Function,
    Instance,
    Known,
    Value,
    Values,
    own_nodes,
)
from flask_ctxfix.flask_facts import (
    HIDING_MANAGERS,
    LOG_METHODS,
    PROXIES,
    is_report,
    is_well_known,
)
from flask_ctxfix.project import Module
from flask_ctxfix.scopes import Binding, FunctionNode
from flask_ctxfix.syntax import without_call


class Need(IntEnum):
    """A context, as something that code needs or that something provides."""

    NONE = 0
    APP = 1
    REQUEST = 2


NEED_OF = {"app": Need.APP, "request": Need.REQUEST}

_MAKERS = {
    "app_context": Need.APP,
    "request_context": Need.REQUEST,
    "test_client": Need.REQUEST,  # it keeps the contexts of what it asked for
    "test_request_context": Need.REQUEST,
}
_CONTEXT_ERRORS = {"RuntimeError"}
_BROAD_ERRORS = {"BaseException", "Exception"}
# How many functions may stand between a handler and the logger.
_DEEPEST = 3


def makes_context(node: ast.expr) -> Need:
    """Return which context the call `node` makes, such as ``app.app_context()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _MAKERS.get(node.func.attr, Need.NONE)
    return Need.NONE


def made_context(value: Value | None) -> Need:
    """Return which context an object is that something made: ``app.app_context()``."""
    if not isinstance(value, Foreign) or not value.name.endswith("()"):
        return Need.NONE
    return _MAKERS.get(value.name.removesuffix("()").rpartition(".")[2], Need.NONE)


def may_be_context(values: Values, module: Module, node: ast.expr, value: Value | None) -> bool:
    """Whether a manager that nothing is known of is entered, which may be a context.

    What Python, Flask or the project make is known.
    """
    if isinstance(value, Foreign):
        return value.name.endswith("()") and not is_well_known(value.name)
    if value is not None:
        return False
    called = values.of(module, without_call(node))
    return not isinstance(called, Function) or not called.is_generator


def is_proxy(value: Value | None) -> bool:
    """Whether a value is one of the proxies of Flask or of its extensions."""
    return isinstance(value, Foreign) and value.name in PROXIES


class Proof(NamedTuple):
    """Which context there certainly is where a test is true, and where it is false."""

    if_true: Need = Need.NONE
    if_false: Need = Need.NONE


# Of a test that has one outcome only, the other one proves whatever one likes.
_NEVER_FALSE = Proof(Need.NONE, Need.REQUEST)
_NEVER_TRUE = Proof(Need.REQUEST, Need.NONE)
_PROBES = {
    "flask.has_app_context": Proof(Need.APP),
    "flask.has_request_context": Proof(Need.REQUEST),
}
_TOPS = {
    "flask._app_ctx_stack.top": Proof(Need.APP),
    "flask._request_ctx_stack.top": Proof(Need.REQUEST),
}
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
_PROOF: QuestionKind[Proof] = QuestionKind(
    "proof",
    Proof(Need.REQUEST, Need.REQUEST),
    lambda one, other: Proof(*map(min, zip(one, other, strict=True))),
)


class Guards:
    """Which contexts tests prove."""

    def __init__(self, values: Values, table: Table) -> None:
        self._values = values
        self._table = table

    def proof(self, module: Module, test: ast.expr, given: Known = ()) -> Proof:
        """Return which contexts the outcomes of a test prove where it stands."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return _negated(self.proof(module, test.operand, given))
        if isinstance(test, ast.BoolOp):
            parts = [self.proof(module, value, given) for value in test.values]
            if isinstance(test.op, ast.And):
                return Proof(max(p.if_true for p in parts), min(p.if_false for p in parts))
            return Proof(min(p.if_true for p in parts), max(p.if_false for p in parts))
        if isinstance(test, ast.NamedExpr):
            return self.proof(module, test.value, given)
        if isinstance(test, ast.IfExp):
            branches = [self.proof(module, each, given) for each in (test.body, test.orelse)]
            return _weakest(branches)
        if isinstance(test, ast.Constant):
            return _NEVER_FALSE if test.value else _NEVER_TRUE
        if isinstance(test, ast.Compare):
            return self._comparison(module, test, given)
        if isinstance(test, ast.Call):
            return self._call(module, test, given)
        if isinstance(test, ast.Name | ast.Attribute):
            return self._read(module, test, given)
        return Proof()

    def tell(self, module: Module, test: ast.expr) -> bool:
        """Whether a test proves, or has to do with, whether there is a context."""
        proof = self.proof(module, test)
        is_constant = proof in (_NEVER_FALSE, _NEVER_TRUE)
        tells = proof.if_true is not proof.if_false and not is_constant
        return tells or self.is_asked(module, test)

    def is_asked(self, module: Module, test: ast.expr) -> bool:
        """Whether a test that proves nothing compares, or uses, whether there is a context."""
        if isinstance(test, _TESTS):
            return False
        return any(self._asks(module, each) for each in ast.walk(test))

    def _asks(self, module: Module, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            function = self._values.of(module, node.func)
            return isinstance(function, Foreign) and function.name in _PROBES
        if not isinstance(node, ast.Name):
            return False
        bindings = module.scopes.home_of(node).bindings.get(node.id, [])
        return any(self._asks(module, v) for b in bindings if isinstance(v := b.value, ast.Call))

    def at(self, module: Module, node: ast.AST, given: Known = ()) -> Need:
        """Return the context that there certainly is in a function where `node` is evaluated.

        Tests and contexts around it prove that, and tests before it that leave otherwise.
        """
        made = (
            makes_context(item.context_expr)
            for parent, child in _way_out(module, node)
            if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body
            for item in parent.items
        )
        return max((self._tested(module, node, given), *made))

    def _tested(self, module: Module, node: ast.AST, given: Known) -> Need:
        """Return the context that tests around `node`, and before it, have proven."""
        proven = Need.NONE
        for parent, child in _way_out(module, node):
            proven = max(proven, self._around(module, parent, child, given))
            proven = max(proven, self._before(module, parent, child, given))
        return proven

    def _around(self, module: Module, parent: ast.AST, child: ast.AST, given: Known) -> Need:
        """Return what `parent` proves where `child`, which stands in it, is evaluated."""
        if isinstance(parent, ast.If | ast.While | ast.IfExp) and child is not parent.test:
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

    def _before(self, module: Module, parent: ast.AST, child: ast.AST, given: Known) -> Need:
        """Return what is proven behind the statements before `child` in its block of `parent`."""
        proven = Need.NONE
        for statement in _earlier(parent, child):
            if isinstance(statement, ast.Assert):
                proven = max(proven, self.proof(module, statement.test, given).if_true)
            elif isinstance(statement, ast.If):
                proof = self.proof(module, statement.test, given)
                if ends(statement.body):
                    proven = max(proven, proof.if_false)
                if ends(statement.orelse):
                    proven = max(proven, proof.if_true)
        return proven

    def _comparison(self, module: Module, test: ast.Compare, given: Known) -> Proof:
        """Return what a comparison with None, True or False proves."""
        other = test.comparators[0]
        if len(test.ops) != 1 or not isinstance(other, ast.Constant):
            return Proof()
        operator = test.ops[0]
        is_same = isinstance(operator, ast.Is | ast.Eq)
        if not is_same and not isinstance(operator, ast.IsNot | ast.NotEq):
            return Proof()
        if isinstance(other.value, bool):
            proof = self.proof(module, test.left, given)
            return proof if other.value is is_same else _negated(proof)
        if other.value is None:
            # A proxy is never None, whatever it stands for; the top of a stack may be.
            proof = self._top(module, test.left, given)
            return _negated(proof) if is_same else proof
        return Proof()

    def _top(self, module: Module, node: ast.expr, given: Known) -> Proof:
        value = self._values.of(module, node, given)
        return _TOPS.get(value.name, Proof()) if isinstance(value, Foreign) else Proof()

    def _call(self, module: Module, test: ast.Call, given: Known) -> Proof:
        function = self._values.of(module, test.func, given)
        if isinstance(function, Foreign):
            if function.name == "builtins.bool" and len(test.args) == 1:
                return self.proof(module, test.args[0], given)
            return _PROBES.get(function.name, Proof())
        if isinstance(function, Function):
            bound = self._values.arguments(module, test, function, given)
            return self._result(function._replace(given=(*function.given, *bound)))
        return Proof()

    def _result(self, function: Function) -> Proof:
        """Return what the truth of the result of a function of the project proves."""
        module, node, given = function.module, function.node, function.given
        if isinstance(node, ast.AsyncFunctionDef) or function.is_generator:
            return _NEVER_FALSE
        key = ("proof", node, given)
        return self._table.ask(module, _PROOF, key, lambda: self._returned(module, node, given))

    def _returned(self, module: Module, node: ast.FunctionDef | ast.Lambda, given: Known) -> Proof:
        if isinstance(node, ast.Lambda):
            return self.proof(module, node.body, given)
        proofs = [] if ends(node.body) else [_NEVER_TRUE]
        for each in module.scopes.returns.get(node, ()):
            proof = _NEVER_TRUE if each.value is None else self.proof(module, each.value, given)
            there = self._tested(module, each, given)
            proofs.append(Proof(max(proof.if_true, there), max(proof.if_false, there)))
        return _weakest(proofs)

    def _read(self, module: Module, test: ast.Name | ast.Attribute, given: Known) -> Proof:
        value = self._values.of(module, test, given)
        if isinstance(value, Foreign) and value.name in PROXIES:
            return Proof(NEED_OF[PROXIES[value.name]])
        top = self._top(module, test, given)
        if top != Proof() or not isinstance(test, ast.Name):
            return top
        home = module.scopes.home_of(test)
        function = module.scopes.function_of(test)
        if function is None or home.node is not function:
            return Proof()  # asked at another time
        key = ("proof of variable", home, test.id, given)
        bindings = home.bindings.get(test.id, [])
        return self._table.ask(module, _PROOF, key, lambda: self._variable(module, bindings, given))

    def _variable(self, module: Module, bindings: Sequence[Binding], given: Known) -> Proof:
        proofs = []
        for binding in bindings:
            value = binding.value
            if value is None and isinstance(binding.node, ast.NamedExpr):
                value = binding.node.value
            if value is None:
                return Proof()
            proof = self.proof(module, value, given)
            there = self._tested(module, binding.node, given)
            proofs.append(Proof(max(proof.if_true, there), max(proof.if_false, there)))
        return _weakest(proofs) if proofs else Proof()


def _negated(proof: Proof) -> Proof:
    return Proof(proof.if_false, proof.if_true)


def _weakest(proofs: Sequence[Proof]) -> Proof:
    """Return what is proven whichever of some tests it was."""
    return Proof(min(p.if_true for p in proofs), min(p.if_false for p in proofs))


def _way_out(module: Module, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Yield the nodes around `node` up to its function or class, each with that of its children."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode | ast.ClassDef):
            if not isinstance(parent, ast.Lambda) and child in parent.body:
                yield parent, child
            return
        yield parent, child
        child = parent


def _earlier(parent: ast.AST, child: ast.AST) -> Sequence[ast.stmt]:
    """Return the statements before `child` in its block of `parent`."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and child in block:
            return block[: block.index(child)]
    return ()


def ends(block: Sequence[ast.stmt]) -> bool:
    """Whether code never goes on behind a block, as far as its last statement tells."""
    last = block[-1] if block else None
    if isinstance(last, ast.If):
        return ends(last.body) and ends(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return False  # the manager may hide an error
    return isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break)


def _breaks(block: Sequence[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Break) for statement in block for each in ast.walk(statement))


def expects_no_context(statement: ast.Try) -> bool:
    """Whether a handler is made for the error that a missing context raises.

    A broad handler is, if all that it guards is the reading of one value; around actions it only
    hides that they fail.
    """
    names = {name for handler in statement.handlers for name in _caught(handler)}
    if names & _CONTEXT_ERRORS:
        return True
    reads = ast.Assign | ast.AnnAssign | ast.Return | ast.Import | ast.ImportFrom
    is_small = sum(not isinstance(s, ast.Import | ast.ImportFrom) for s in statement.body) <= 1
    return (
        bool(names & _BROAD_ERRORS)
        and is_small
        and all(isinstance(each, reads) for each in statement.body)
    )


def fallbacks(values: Values, module: Module, statement: ast.Try) -> list[ast.ExceptHandler]:
    """Return the handlers of any error that do something else instead, so that no run need fail."""
    broad = _CONTEXT_ERRORS | _BROAD_ERRORS
    return [
        handler
        for handler in statement.handlers
        if broad.intersection(_caught(handler))
        and not all(_reports(values, module, each) for each in handler.body)
    ]


def expects_failure(statement: ast.Try) -> bool:
    """Whether a handler of some error lets the code go on."""
    return any(
        not _BROAD_ERRORS.intersection(_caught(handler))
        and not isinstance(handler.body[-1], ast.Raise)
        for handler in statement.handlers
    )


def _reports(values: Values, module: Module, statement: ast.stmt, depth: int = 0) -> bool:
    """Whether a statement of a handler only says that something failed."""
    if isinstance(statement, ast.Raise):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    value = values.of(module, call.func)
    if isinstance(value, Foreign):
        return is_report(value.name)
    if isinstance(value, Function):
        return depth < _DEEPEST and _only_reports(values, value, depth + 1)
    # Who knows which logger it is; these are the methods of all of them.
    return value is None and getattr(call.func, "attr", "") in LOG_METHODS


def _only_reports(values: Values, function: Function, depth: int) -> bool:
    """Whether all that a function of the project does is to say something."""
    if isinstance(function.node, ast.Lambda):
        return False
    statements = [each for each in function.node.body if not _is_plain(each)]
    return bool(statements) and all(
        _reports(values, function.module, each, depth) for each in statements
    )


def _is_plain(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but to name a value, or is a docstring."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return bool(targets) and all(isinstance(each, ast.Name) for each in targets)


def hides_errors(values: Values, module: Module, manager: ast.expr, given: Known = ()) -> bool:
    """Whether code goes on behind a ``with`` of a manager of the project whatever its block raises.

    What ``contextlib.suppress`` hides is written in its call.
    """
    value = values.of(module, manager, given)
    if isinstance(value, Instance):
        leave = values.member(value.of, "__exit__", of_instance=True)
        nodes = own_nodes(leave.node) if isinstance(leave, Function) else ()
        answers = (each.value for each in nodes if isinstance(each, ast.Return))
        return any(not _is_false(each) for each in answers if each)
    maker = values.of(module, without_call(manager), given)
    if isinstance(maker, Function) and maker.is_generator:
        tries = (each for each in own_nodes(maker.node) if isinstance(each, ast.Try))
        return any(fallbacks(values, maker.module, each) for each in tries)
    return False


def may_hide_errors(values: Values, module: Module, manager: ast.expr) -> bool:
    """Whether code may go on behind a ``with`` of a manager from elsewhere if its block raises.

    Of those of Python, and of what is built on Flask, a few do; of any other nobody knows.
    """
    if makes_context(manager) is not Need.NONE:
        return False
    value = values.of(module, manager)
    if isinstance(value, Foreign):
        return value.name in HIDING_MANAGERS or not is_well_known(value.name)
    called = values.of(module, without_call(manager))
    return value is None and not isinstance(called, Function)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def is_suppressing(value: Value | None) -> bool:
    """Whether a context manager is ``contextlib.suppress``."""
    return value == Foreign("contextlib.suppress()")


def suppresses_error(node: ast.expr, value: Value | None) -> bool:
    """Whether `node` is a ``contextlib.suppress`` for the error that a missing context raises."""
    if not isinstance(node, ast.Call) or not is_suppressing(value):
        return False
    return any(_name(each) in _CONTEXT_ERRORS | _BROAD_ERRORS for each in node.args)


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return ["BaseException"]
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [_name(kind) for kind in kinds]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
