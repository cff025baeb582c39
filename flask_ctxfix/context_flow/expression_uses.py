"""What the expressions of a function use of a context, in the order in which they run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from flask_ctxfix.codemod import Role
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards, is_proxy
from flask_ctxfix.context_flow.made_contexts import NEED_OF, Need
from flask_ctxfix.context_flow.summaries import Access, Summary, Use, distinct, is_called
from flask_ctxfix.context_flow.values import (
    Class,
    Copied,
    Foreign,
    Function,
    Given,
    Instance,
    Known,
    Partial,
    Property,
    Proxy,
    Switch,
    Value,
)
from flask_ctxfix.flask_facts import (
    METHODS_OF_G,
    NEEDS,
    NONE_WITHOUT_REQUEST,
    PROXIES,
    TOLD_BY,
)
from flask_ctxfix.module import Module
from flask_ctxfix.scopes import children
from flask_ctxfix.steps import step_at
from flask_ctxfix.syntax import is_constant_none, last_name

_READERS = {"dict", "getattr", "hasattr", "iter", "len", "list", "next", "set", "setattr"}
_READERS |= {"sorted", "str", "tuple", "vars"}
_PROBING = METHODS_OF_G | {"__contains__"}


class State(NamedTuple):
    """What is known before a statement: the context provided, and if every run gets there."""

    provided: Need = Need.NONE
    is_certain: bool = True

    def maybe(self) -> State:
        """Return what is known where not every run gets."""
        return State(self.provided, is_certain=False)

    def with_context(self, provided: Need) -> State:
        """Return what is known where there is a context, too."""
        return self if provided <= self.provided else State(provided, self.is_certain)

    def where(self, is_proven: bool) -> State:
        """Return what is known where a test has proven, or not, what needs a request."""
        return self.with_context(Need.REQUEST) if is_proven else self


class Callees(Protocol):
    """What is known of the functions that a function calls."""

    values: Values
    guards: Guards

    def of(self, value: Value | None) -> Summary:
        """Return what happens when something callable is called without any context."""

    def url_need(self, path: str | None) -> Need:
        """Return what `url_for` needs in a file, or in any."""


class ExpressionUses:
    """The uses of one function so far, and how its expressions add to them."""

    def __init__(self, needs: Callees, module: Module, given: Known = ()) -> None:
        self._needs = needs
        self._values = needs.values
        self._guards = needs.guards
        self._module = module
        self._given = given
        self._uses: list[Use] = []
        self._leaves = Need.NONE
        self._yields: list[Need] = []
        self._passed: dict[ast.Call, tuple[Given, ...]] = {}

    def summary(self) -> Summary:
        """Return what was found so far."""
        yields = min(self._yields, default=Need.NONE)
        # What a callee calls back to is a use of its own here, with a shorter way.
        own = {use.steps[-1] for use in self._uses if use.span is not None}
        uses = [use for use in self._uses if use.span is not None or use.steps[-1] not in own]
        return Summary(tuple(distinct(uses)), self._leaves, yields)

    def _value(self, node: ast.expr) -> Value | None:
        return self._values.of(self._module, node, self._given)

    def visit(self, node: ast.AST | None, state: State) -> None:
        """Look for uses in an expression, and in what it calls."""
        if node is None:
            return
        if isinstance(node, ast.Yield | ast.YieldFrom):
            self._yields.append(state.provided)
        if state.provided is Need.REQUEST:
            return
        visitor = _VISITORS.get(type(node))
        if visitor is None:
            for child in children(node):
                self.visit(child, state)
        else:
            visitor(self, node, state)

    def _proven(self, test: ast.expr) -> tuple[bool, bool]:
        """Return whether a test never holds, or never fails, where there is no context.

        Code behind a test that takes another look at whether there is one is made for both cases.
        """
        proof = self._guards.proof(self._module, test, self._given)
        if proof.if_true is proof.if_false is Need.NONE:
            is_asked = self._guards.is_asked(self._module, test)
            return is_asked, is_asked
        return proof.if_true is not Need.NONE, proof.if_false is not Need.NONE

    def _decided(self, test: ast.expr) -> bool | None:
        """Return whether a test holds, where what the function is given tells."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._decided(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            other = test.comparators[0]
            is_none = is_constant_none(other)
            if is_none and isinstance(test.ops[0], ast.Is | ast.IsNot):
                is_object = _is_object(self._value(test.left))
                return isinstance(test.ops[0], ast.IsNot) if is_object else None
            return None
        value = self._value(test)
        if isinstance(value, Switch):
            return value.is_on
        return True if value == Foreign("flask.Flask()") else None

    def _bool_op(self, node: ast.BoolOp, state: State) -> None:
        is_and = isinstance(node.op, ast.And)
        for value in node.values:
            self.visit(value, state)
            decided = self._decided(value)
            if decided is not None:
                if decided is not is_and:
                    break
                continue
            proven = self._proven(value)
            state = state.maybe().where(proven[0] if is_and else proven[1])

    def _if_exp(self, node: ast.IfExp, state: State) -> None:
        self.visit(node.test, state)
        decided = self._decided(node.test)
        if decided is not None:
            self.visit(node.body if decided else node.orelse, state)
            return
        if_true, if_false = self._proven(node.test)
        self.visit(node.body, state.maybe().where(if_true))
        self.visit(node.orelse, state.maybe().where(if_false))

    def _lambda(self, node: ast.Lambda, state: State) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.visit(default, state)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: State
    ) -> None:
        self._iterated(node.generators[0].iter, state)
        self.iteration(node, state)

    def iteration(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: State
    ) -> None:
        """Look for uses in all of a comprehension but its first iterable."""
        first, *rest = node.generators
        state = state.maybe()
        for test in first.ifs:
            self.visit(test, state)
            if self._proven(test)[0]:
                state = state.where(True)
        for generator in rest:
            self._iterated(generator.iter, state)
            for test in generator.ifs:
                self.visit(test, state)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.visit(part, state)

    def _iterated(self, node: ast.expr, state: State) -> None:
        if not self._proxy_used(node, node, "read", state):
            self.visit(node, state)

    def _attribute(self, node: ast.Attribute, state: State) -> None:
        access: Access = "write" if isinstance(node.ctx, ast.Store | ast.Del) else "read"
        if self._proxy_used(node.value, node, access, state):
            return
        value = self._value(node)
        is_called = self._module.scopes.call_of(node) is not None
        if isinstance(value, Property):
            self._called(node, self._needs.of(value.function), state)
        elif isinstance(value, Foreign) and value.name in NEEDS and not is_called:
            self._used(NEED_OF[NEEDS[value.name]], node, node, value.name, access, state)
            return
        self.visit(node.value, state)

    def _subscript(self, node: ast.Subscript, state: State) -> None:
        access: Access = "write" if isinstance(node.ctx, ast.Store | ast.Del) else "read"
        if not self._proxy_used(node.value, node, access, state):
            self.visit(node.value, state)
        self.visit(node.slice, state)

    def _compare(self, node: ast.Compare, state: State) -> None:
        self.visit(node.left, state)
        for operator, each in zip(node.ops, node.comparators, strict=True):
            is_membership = isinstance(operator, ast.In | ast.NotIn)
            if not (is_membership and self._proxy_used(each, each, "probe", state)):
                self.visit(each, state)
            state = state.maybe()

    def _formatted(self, node: ast.FormattedValue, state: State) -> None:
        if not self._proxy_used(node.value, node.value, "read", state):
            self.visit(node.value, state)

    def _call(self, node: ast.Call, state: State) -> None:
        for argument in node.args:
            self.visit(argument, state)
        for keyword in node.keywords:
            self.visit(keyword.value, state)
        function = self._value(node.func)
        if isinstance(function, Foreign):
            self._foreign_call(node, function, state)
            return
        if isinstance(node.func, ast.Attribute | ast.Name | ast.Call):
            self.visit(node.func, state)
        if isinstance(function, Function):
            if not isinstance(function.node, ast.AsyncFunctionDef) or self._is_awaited(node):
                self._called(node, self._needs.of(self._bound(node, function)), state)
        elif isinstance(function, Class | Instance | Partial):
            self._called(node, self._needs.of(function), state)

    def _foreign_call(self, node: ast.Call, function: Foreign, state: State) -> None:
        name = function.name
        if name in NEEDS:
            short = name.rpartition(".")[2]
            path = self._module.path
            need = self._needs.url_need(path) if short == "url_for" else NEED_OF[NEEDS[name]]
            if name in TOLD_BY and _tells(node, TOLD_BY[name]):
                need = Need.APP
            self._used(need, node, node.func, name, "call", state)
        elif name.partition(".")[0] == "builtins" and name.partition(".")[2] in _READERS:
            probes = name in {"builtins.hasattr", "builtins.getattr"}
            access: Access = "probe" if probes else "read"
            if probes and self._expects_none(node):
                return
            for argument in node.args[:1]:
                self._proxy_used(argument, argument, access, state)
        elif is_proxy(function):
            self._proxy_used(node.func, node.func, "read", state)
        elif isinstance(node.func, ast.Attribute):
            self.visit(node.func, state)

    def _expects_none(self, asking: ast.Call) -> bool:
        """Whether an object that is None without a request is asked as one that may be None."""
        value = self._value(asking.args[0]) if asking.args else None
        is_none = isinstance(value, Foreign) and value.name in NONE_WITHOUT_REQUEST
        return is_none and (len(asking.args) > 2 or last_name(asking.func) == "hasattr")

    def _is_awaited(self, node: ast.Call) -> bool:
        return isinstance(self._module.scopes.parents.get(node), ast.Await)

    def _bound(self, call: ast.Call, function: Function) -> Function:
        """Return `function` with the values that a call gives its parameters."""
        passed = self._passed.get(call)
        if passed is None:
            found = self._values.arguments(self._module, call, function, self._given)
            passed = self._passed[call] = tuple(each for each in found if _is_passed(each))
        return function._replace(given=(*function.given, *passed))

    def _proxy_used(self, proxy: ast.expr, whole: ast.expr, access: Access, state: State) -> bool:
        """Note the use of a proxy, if `proxy` is one; `whole` is the expression that uses it."""
        value = self._value(proxy)
        if isinstance(value, Proxy):
            self._called(whole, self._needs.of(value.function), state)
            return True
        if not isinstance(value, Foreign) or value.name not in PROXIES:
            return False
        access = _access_of(self._module, whole, access)
        self._used(NEED_OF[PROXIES[value.name]], whole, whole, value.name, access, state)
        return True

    def _used(
        self,
        need: Need,
        whole: ast.expr,
        named: ast.expr,
        of: str,
        access: Access,
        state: State,
    ) -> None:
        if need <= state.provided:
            return
        name = _short(named, of)
        role: Role = "write" if access == "write" else "read" if of in PROXIES else "call"
        verb = "calls" if is_called(access, name) else ""
        step = step_at(self._module, whole, role, verb=verb)
        span = self._module.span(whole)
        self._uses.append(Use(need, name, of, access, (step,), state.is_certain, span))

    def _called(self, node: ast.expr, summary: Summary, state: State) -> None:
        """Take over the uses of a function that is called here."""
        uses = [use for use in summary.uses if use.need > state.provided]
        if not uses:
            return
        step = step_at(self._module, node, "call")
        for use in uses:
            certain = use.is_certain and state.is_certain
            self._uses.append(use._replace(steps=(step, *use.steps), is_certain=certain, span=None))


_VISITORS: dict[type[ast.AST], Callable[[ExpressionUses, Any, State], None]] = {
    ast.Attribute: ExpressionUses._attribute,
    ast.BoolOp: ExpressionUses._bool_op,
    ast.Call: ExpressionUses._call,
    ast.Compare: ExpressionUses._compare,
    ast.DictComp: ExpressionUses._comprehension,
    ast.FormattedValue: ExpressionUses._formatted,
    ast.GeneratorExp: ExpressionUses._comprehension,
    ast.IfExp: ExpressionUses._if_exp,
    ast.Lambda: ExpressionUses._lambda,
    ast.ListComp: ExpressionUses._comprehension,
    ast.SetComp: ExpressionUses._comprehension,
    ast.Subscript: ExpressionUses._subscript,
}


def _access_of(module: Module, whole: ast.expr, access: Access) -> Access:
    """Return how a proxy is used, for methods that do with any name: ``g.get("x")``."""
    parent = module.scopes.parents.get(whole)
    is_called = isinstance(parent, ast.Call) and parent.func is whole
    if isinstance(whole, ast.Attribute) and is_called:
        return "probe" if whole.attr in _PROBING else "call"
    return access


def _short(named: ast.expr, of: str) -> str:
    """Return a use as it is written, without what goes on behind it."""
    if isinstance(named, ast.Attribute):
        owner = _short(named.value, "")
        return f"{owner}.{named.attr}" if owner else named.attr
    if isinstance(named, ast.Name):
        return named.id
    if isinstance(named, ast.Subscript):
        index = ast.unparse(named.slice)
        return f"{_short(named.value, of)}[{index}]" if len(index) < 30 else _short(named.value, of)
    return of.rpartition(".")[2] if of else ""


def _is_passed(given: Given) -> bool:
    """Whether a value that is bound to a parameter can matter to what a function needs."""
    value = given.value
    if isinstance(value, Foreign):
        return value.name in PROXIES or (
            value.name.startswith("flask") and value.name.endswith("()")
        )
    return isinstance(value, Function | Partial | Copied | Proxy | Switch | Instance | Class)


def _is_object(value: Value | None) -> bool:
    """Whether a value is certainly not None: a function or class, or an instance of a class."""
    if isinstance(value, Foreign):
        return value.name == "flask.Flask()" or value.name in PROXIES
    return isinstance(value, Function | Class | Instance | Partial | Copied | Proxy)


def _tells(call: ast.Call, groups: Iterable[frozenset[str]]) -> bool:
    """Whether a call names an argument of each group, or may do so by `**`."""
    named = {each.arg for each in call.keywords}
    return None in named or not any(named.isdisjoint(group) for group in groups)
