"""Which contexts the outcomes of a test prove."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.made_contexts import NEED_OF, Ends, Need
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Known, Value
from flask_ctxfix.flask_facts import CONTEXT_PROBES, PROXIES, STACK_TOPS, canonical_name
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.statements import ends
from flask_ctxfix.syntax import is_constant_none, is_falsy, last_name, without_call


class Proof(NamedTuple):
    """Which context there certainly is where a test is true, and where it is false."""

    if_true: Need = Need.NONE
    if_false: Need = Need.NONE


# Of a test that has one outcome only, the other one proves whatever one likes.
NEVER_FALSE = Proof(Need.NONE, Need.REQUEST)
NEVER_TRUE = Proof(Need.REQUEST, Need.NONE)
PROBES = {name: Proof(NEED_OF[kind]) for name, kind in CONTEXT_PROBES.items()}
_TOPS = {name: Proof(NEED_OF[kind]) for name, kind in STACK_TOPS.items()}
_PROOF: QuestionKind[Proof] = QuestionKind(
    "proof",
    Proof(Need.REQUEST, Need.REQUEST),
    lambda one, other: Proof(*map(min, zip(one, other, strict=True))),
)


class Proofs:
    """Which contexts tests prove."""

    def __init__(self, project: Project, values: Values, table: Table) -> None:
        self._project = project
        self._values = values
        self._table = table
        self._ends = Ends(values)

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
            return NEVER_FALSE if test.value else NEVER_TRUE
        if isinstance(test, ast.Compare):
            return self._comparison(module, test, given)
        if isinstance(test, ast.Call):
            return self._call(module, test, given)
        if isinstance(test, ast.Name | ast.Attribute):
            return self._read(module, test, given)
        return Proof()

    def _tested(self, module: Module, node: ast.AST, given: Known) -> Need:
        """Return the context that tests around `node`, and before it, have proven."""
        raise NotImplementedError

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
            proof = proof if other.value is is_same else _negated(proof)
            if self._is_boolean(module, test.left, given):
                return proof
            # What is not True need not be False: it may be None, or a proxy.
            return Proof(proof.if_true) if is_same else Proof(Need.NONE, proof.if_false)
        if other.value is None:
            # A proxy is never None, whatever it stands for; the top of a stack may be.
            if isinstance(test.left, ast.Call):
                proof = self._attribute(module, test.left, given, is_constant_none)
            else:
                proof = self._top_or_kept(module, test.left, given)
            return _negated(proof) if is_same else proof
        return Proof()

    def _is_boolean(self, module: Module, test: ast.expr | None, given: Known) -> bool:
        """Whether a test certainly gives True or False itself."""
        if isinstance(test, ast.Constant):
            return isinstance(test.value, bool)
        if isinstance(test, ast.Name):
            bindings = module.scopes.home_of(test).bindings.get(test.id, [])
            values = [_bound_value(each) for each in bindings]
            return bool(values) and all(self._is_truth(module, each, given) for each in values)
        if isinstance(test, ast.Call):
            function = self._values.of(module, test.func, given)
            if isinstance(function, Function) and not isinstance(function.node, ast.Lambda):
                home, returns = function.module, function.module.scopes.returns
                return ends(function.node.body) and all(
                    self._is_truth(home, each.value, given) for each in returns[function.node]
                )
        return self._is_truth(module, test, given)

    def _is_truth(self, module: Module, test: ast.expr | None, given: Known) -> bool:
        """Whether a test is written as what gives True or False, or as one of the two."""
        if isinstance(test, ast.Constant):
            return isinstance(test.value, bool)
        if isinstance(test, ast.Call):
            function = self._values.of(module, test.func, given)
            is_foreign = isinstance(function, Foreign)
            return is_foreign and function.name in (*PROBES, "builtins.bool")  # type: ignore[union-attr]
        return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)

    def _top(self, module: Module, node: ast.expr, given: Known) -> Proof:
        """Return what the top of a stack proves; where it may be either, what that of both does."""
        value = self._values.of(module, node, given)
        if isinstance(value, Foreign):
            return _TOPS.get(value.name, Proof())
        if isinstance(node, ast.Attribute) and node.attr == "top":
            stacks = self._project.origins(module, node.value) - {NONE}
            names = [f"{canonical_name(each)}.top" for each in stacks]
            return _weakest([_TOPS.get(each, Proof()) for each in names]) if names else Proof()
        return Proof()

    def _kept_top(self, module: Module, name: ast.Name, given: Known) -> Proof:
        """Return what the top of a stack proves that a function has put into a variable."""
        home = module.scopes.home_of(name)
        bindings = home.bindings.get(name.id, [])
        if not bindings or home.node is not module.scopes.function_of(name):
            return Proof()
        if any(self._ends.may_have_ended(module, each.node, name) for each in bindings):
            return Proof()
        kept = (each.value for each in bindings)
        return _weakest([self._top(module, each, given) if each else Proof() for each in kept])

    def _top_or_kept(self, module: Module, node: ast.expr, given: Known) -> Proof:
        """Return what it proves that the top of a stack, or a variable that it is in, is there."""
        if isinstance(node, ast.Name):
            return self._kept_top(module, node, given)
        return self._top(module, node, given)

    def _attribute(
        self,
        module: Module,
        call: ast.Call,
        given: Known,
        is_refused: Callable[[ast.expr], bool],
    ) -> Proof:
        """Return what it proves that ``getattr(top, name, default)`` gives no refused default.

        The top of a stack may be None, but then it has no attribute that None has not. A computed
        name is taken for one that None has not, as nobody asks a context for one of the others.
        """
        if len(call.args) != 3 or not is_refused(call.args[2]):
            return Proof()
        function = self._values.of(module, call.func, given)
        if function != Foreign("builtins.getattr"):
            return Proof()
        return self._has_attribute(module, call, given)

    def _has_attribute(self, module: Module, call: ast.Call, given: Known) -> Proof:
        name = getattr(call.args[1], "value", None)
        if isinstance(name, str) and hasattr(None, name):
            return Proof()
        return Proof(self._top_or_kept(module, call.args[0], given).if_true)

    def _call(self, module: Module, test: ast.Call, given: Known) -> Proof:
        function = self._values.of(module, test.func, given)
        if isinstance(function, Foreign):
            if function.name == "builtins.bool" and len(test.args) == 1:
                return self.proof(module, test.args[0], given)
            if function.name == "builtins.hasattr" and len(test.args) == 2:
                return self._has_attribute(module, test, given)
            if function.name == "builtins.getattr":
                return self._attribute(module, test, given, is_falsy)
            return PROBES.get(function.name, Proof())
        if isinstance(function, Function):
            bound = self._values.arguments(module, test, function, given)
            proof = self._result(function._replace(given=(*function.given, *bound)))
            if proof == Proof():
                return proof
            others = [
                self._result(each) if isinstance(each, Function) else Proof()
                for each in self._overriding(function)
            ]
            return _weakest([proof, *others])
        return Proof()

    def _overriding(self, function: Function) -> Iterator[Value | None]:
        """Yield what classes of the project have instead of a method that they inherit."""
        owner = function.module.scopes.parents.get(function.node)
        if not isinstance(owner, ast.ClassDef):
            return
        for module in self._project.parsed(self._project.naming_outside_tests(function.name)):
            for each in module.scopes.nodes(ast.ClassDef):
                heir = Class(module, each)
                is_own = function.name in module.scopes.opened_by(each).bindings
                # A file may have been parsed twice: a class is known by its place and name.
                if is_own and any(
                    isinstance(base, Class)
                    and base.module.path == function.module.path
                    and base.node.name == owner.name
                    for base in self._values.bases(heir)
                ):
                    yield self._values.member(heir, function.name, of_instance=True)

    def _result(self, function: Function) -> Proof:
        """Return what the truth of the result of a function of the project proves."""
        module, node, given = function.module, function.node, function.given
        if isinstance(node, ast.AsyncFunctionDef) or function.is_generator:
            return NEVER_FALSE
        if not isinstance(node, ast.Lambda) and not all(map(_asks_each_time, node.decorator_list)):
            return Proof()  # what a cache keeps was asked at another time
        key = ("proof", node, given)
        return self._table.ask(module, _PROOF, key, lambda: self._returned(module, node, given))

    def _returned(self, module: Module, node: ast.FunctionDef | ast.Lambda, given: Known) -> Proof:
        if isinstance(node, ast.Lambda):
            return self.proof(module, node.body, given)
        proofs = [] if ends(node.body) else [NEVER_TRUE]
        for each in module.scopes.returns.get(node, ()):
            if each.value is None:
                proof = NEVER_TRUE
            elif self._ends.may_have_ended(module, each, None):
                proof = Proof()
            else:
                proof = self.proof(module, each.value, given)
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
        if any(self._ends.may_have_ended(module, each.node, test) for each in bindings):
            return Proof()
        return self._table.ask(module, _PROOF, key, lambda: self._variable(module, bindings, given))

    def _variable(self, module: Module, bindings: Sequence[Binding], given: Known) -> Proof:
        proofs = []
        for binding in bindings:
            value = _bound_value(binding)
            if value is None:
                return Proof()
            proof = self.proof(module, value, given)
            there = self._tested(module, binding.node, given)
            proofs.append(Proof(max(proof.if_true, there), max(proof.if_false, there)))
        return _weakest(proofs) if proofs else Proof()


def _bound_value(binding: Binding) -> ast.expr | None:
    """Return what a variable is given, if that is written down."""
    if binding.value is None and isinstance(binding.node, ast.NamedExpr):
        return binding.node.value
    return binding.value


def _asks_each_time(decorator: ast.expr) -> bool:
    """Whether a function is run for each call in spite of a decorator."""
    return last_name(without_call(decorator)) in ("classmethod", "staticmethod", "wraps")


def _negated(proof: Proof) -> Proof:
    return Proof(proof.if_false, proof.if_true)


def _weakest(proofs: Sequence[Proof]) -> Proof:
    """Return what is proven whichever of some tests it was; of none, whatever one likes."""
    return Proof(
        min((proof.if_true for proof in proofs), default=Need.REQUEST),
        min((proof.if_false for proof in proofs), default=Need.REQUEST),
    )
