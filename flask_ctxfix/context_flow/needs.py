"""Which context a function needs when it runs where there is none, and what proves it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from flask_ctxfix.codemod import Role, Step
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards, is_proxy
from flask_ctxfix.context_flow.handled_errors import (
    expects_failure,
    expects_no_context,
    fallbacks,
    hides_errors,
    is_suppressing,
    suppresses_error,
)
from flask_ctxfix.context_flow.made_contexts import (
    NEED_OF,
    Need,
    made_context,
    makes_context,
    may_be_context,
)
from flask_ctxfix.context_flow.server_name import has_server_name
from flask_ctxfix.context_flow.tables import QuestionKind, Table
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
from flask_ctxfix.flask_facts import METHODS_OF_G, NEEDS, PROXIES
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import children
from flask_ctxfix.source import Span
from flask_ctxfix.statements import LEAVING, ends
from flask_ctxfix.steps import step_at, step_at_name

_READERS = {"dict", "getattr", "hasattr", "iter", "len", "list", "next", "set", "setattr"}
_READERS |= {"sorted", "str", "tuple", "vars"}

Access = Literal["read", "write", "probe", "call"]


class Use(NamedTuple):
    """Something that a function needs a context for, each time it gets there.

    `name` is the use as written (``request.args``), `of` the qualified name that needs the context.
    `steps` lead from the function to it. `is_certain` says that every run gets there. `span` is
    where the expression stands in the function itself, None if a callee holds it.
    """

    need: Need
    name: str
    of: str
    access: Access
    steps: tuple[Step, ...]
    is_certain: bool
    span: Span | None

    @property
    def attribute(self) -> str:
        """The attribute of a proxy that is used: ``args``."""
        return self.name.partition(".")[2].partition(".")[0]


class Summary(NamedTuple):
    """What a function needs, and which context it leaves pushed, or provides where it yields."""

    uses: tuple[Use, ...] = ()
    leaves: Need = Need.NONE
    yields: Need = Need.NONE

    @property
    def need(self) -> Need:
        """The context that all of its uses together need."""
        return max((use.need for use in self.uses), default=Need.NONE)


def _joined(one: Summary, other: Summary) -> Summary:
    """Return what a function needs that needs what either says."""
    uses = tuple(_distinct((*one.uses, *other.uses)))
    return Summary(uses, min(one.leaves, other.leaves), min(one.yields, other.yields))


_SUMMARY = QuestionKind("summary", Summary(), _joined)


class Needs:
    """Summaries of the functions of a project."""

    def __init__(self, project: Project, values: Values, guards: Guards, table: Table) -> None:
        self.values = values
        self.guards = guards
        self._project = project
        self._table = table

    def of(self, value: Value | None) -> Summary:
        """Return what happens when something callable is called without any context."""
        if isinstance(value, Partial):
            return self.of(value.function)
        if isinstance(value, Class):
            return self._construction(value)
        if isinstance(value, Instance):
            return self.of(self.values.member(value.of, "__call__", of_instance=True))
        if isinstance(value, Foreign):
            return self._foreign(value)
        if not isinstance(value, Function):
            return Summary()
        key = ("summary", value.node, value.receiver, value.given)
        return self._table.ask(value.module, _SUMMARY, key, lambda: self._scan(value))

    def of_expression(self, module: Module, node: ast.GeneratorExp) -> Summary:
        """Return what is needed as long as a generator expression is read.

        Its first iterable is not part of that: it is evaluated where the expression stands.
        """
        if module.scopes.function_of(node) is None:
            return Summary()
        scan = _Scan(self, module)
        scan.iteration(node, _State())
        return scan.summary()

    def of_statements(self, module: Module, statements: Iterable[ast.stmt]) -> Summary:
        """Return what happens when some statements run one after the other without any context."""
        body = tuple(statements)

        def compute() -> Summary:
            scan = _Scan(self, module)
            scan.block(body, _State())
            return scan.summary()

        return self._table.ask(module, _SUMMARY, ("summary of statements", body), compute)

    def url_need(self, path: str | None) -> Need:
        """Return what `url_for` needs in a file, or in any: no request if its server has a name."""
        return Need.APP if has_server_name(self._project, path) else Need.REQUEST

    def _construction(self, value: Class) -> Summary:
        uses = self.of(self.values.member(value, "__init__", of_instance=True))
        for base in self.values.bases(value):
            if isinstance(base, Foreign) and base.name in NEEDS:
                step = step_at_name(value.module, value.node, value.node.name, "call")
                use = Use(
                    NEED_OF[NEEDS[base.name]],
                    value.node.name,
                    base.name,
                    "call",
                    (step,),
                    True,
                    None,
                )
                return uses._replace(uses=(*uses.uses, use))
        return uses

    def _foreign(self, value: Foreign) -> Summary:
        """Return what a function from elsewhere needs that is itself the target of a thread."""
        name = value.name
        if name not in NEEDS:
            return Summary()
        short = name.rpartition(".")[2]
        need = self.url_need(None) if short == "url_for" else NEED_OF[NEEDS[name]]
        return Summary((Use(need, short, name, "call", (), True, None),))

    def _scan(self, function: Function) -> Summary:
        scan = _Scan(self, function.module, function.given)
        body = function.node.body
        if isinstance(body, list):
            scan.block(body, _State())
        else:
            scan.visit(body, _State())
        return scan.summary()


class _State(NamedTuple):
    """What is known before a statement: the context provided, and if every run gets there."""

    provided: Need = Need.NONE
    is_certain: bool = True

    def maybe(self) -> _State:
        return _State(self.provided, is_certain=False)

    def with_context(self, provided: Need) -> _State:
        return self if provided <= self.provided else _State(provided, self.is_certain)

    def where(self, is_proven: bool) -> _State:
        return self.with_context(Need.REQUEST) if is_proven else self


class _Scan:
    """One walk over the body of a function, in the order in which it runs."""

    def __init__(self, needs: Needs, module: Module, given: Known = ()) -> None:
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
        yields = min(self._yields, default=Need.NONE)
        # What a callee calls back to is a use of its own here, with a shorter way.
        own = {use.steps[-1] for use in self._uses if use.span is not None}
        uses = [use for use in self._uses if use.span is not None or use.steps[-1] not in own]
        return Summary(tuple(_distinct(uses)), self._leaves, yields)

    def block(self, statements: Sequence[ast.stmt], state: _State) -> _State:
        """Visit statements in turn; return what is known after the last one."""
        for statement in statements:
            state = self._statement(statement, state)
            if isinstance(statement, LEAVING):
                break
        return state

    def _statement(self, node: ast.stmt, state: _State) -> _State:
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

    def _proven(self, test: ast.expr) -> tuple[bool, bool]:
        """Return whether a test never holds, or never fails, where there is no context.

        Code behind a test that takes another look at whether there is one is made for both cases.
        """
        proof = self._guards.proof(self._module, test, self._given)
        if proof.if_true is proof.if_false is Need.NONE:
            is_asked = self._guards.is_asked(self._module, test)
            return is_asked, is_asked
        return proof.if_true is not Need.NONE, proof.if_false is not Need.NONE

    def _if(self, node: ast.If, state: _State) -> _State:
        self.visit(node.test, state)
        decided = self._decided(node.test)
        if decided is not None:
            return self.block(node.body if decided else node.orelse, state)
        if_true, if_false = self._proven(node.test)
        self.block(node.body, state.maybe().where(if_true))
        self.block(node.orelse, state.maybe().where(if_false))
        after = self._after(node, state)
        if ends(node.body):
            after = after.where(if_false)
        if ends(node.orelse):
            after = after.where(if_true)
        return after

    def _with(self, node: ast.With | ast.AsyncWith, state: _State) -> _State:
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

    def _failing_block(self, body: Sequence[ast.stmt], state: _State) -> None:
        """Visit statements whose failure the code counts on: after the first, none is certain."""
        self.block(body[1:], self.block(body[:1], state).maybe())

    def _try(self, node: ast.Try, state: _State) -> _State:
        is_guarded = expects_no_context(node)
        if not all(
            self._fails_too(handler, state)
            for handler in fallbacks(self._values, self._module, node)
        ):
            self.block(node.body, state.maybe().where(is_guarded))
            after = state
        elif expects_failure(node):
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

    def _fails_too(self, handler: ast.ExceptHandler, state: _State) -> bool:
        """Whether a handler itself begins with a use, which fails as what it handles did."""
        count = len(self._uses)
        self.block(handler.body[:1], state)
        fails = any(use.is_certain for use in self._uses[count:])
        del self._uses[count:]
        return fails

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: _State) -> _State:
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

    def _after(self, node: ast.stmt, state: _State) -> _State:
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
        if suppresses_error(node, value):
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

    def _pushed(self, node: ast.stmt, state: _State) -> Need:
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

    def _value(self, node: ast.expr) -> Value | None:
        return self._values.of(self._module, node, self._given)

    def visit(self, node: ast.AST | None, state: _State) -> None:
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

    def _decided(self, test: ast.expr) -> bool | None:
        """Return whether a test holds, where what the function is given tells."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._decided(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            other = test.comparators[0]
            is_none = isinstance(other, ast.Constant) and other.value is None
            if is_none and isinstance(test.ops[0], ast.Is | ast.IsNot):
                is_object = _is_object(self._value(test.left))
                return isinstance(test.ops[0], ast.IsNot) if is_object else None
            return None
        value = self._value(test)
        if isinstance(value, Switch):
            return value.is_on
        return True if value == Foreign("flask.Flask()") else None

    def _bool_op(self, node: ast.BoolOp, state: _State) -> None:
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

    def _if_exp(self, node: ast.IfExp, state: _State) -> None:
        self.visit(node.test, state)
        decided = self._decided(node.test)
        if decided is not None:
            self.visit(node.body if decided else node.orelse, state)
            return
        if_true, if_false = self._proven(node.test)
        self.visit(node.body, state.maybe().where(if_true))
        self.visit(node.orelse, state.maybe().where(if_false))

    def _lambda(self, node: ast.Lambda, state: _State) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            self.visit(default, state)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: _State
    ) -> None:
        self._iterated(node.generators[0].iter, state)
        self.iteration(node, state)

    def iteration(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: _State
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

    def _iterated(self, node: ast.expr, state: _State) -> None:
        if not self._proxy_used(node, node, "read", state):
            self.visit(node, state)

    def _attribute(self, node: ast.Attribute, state: _State) -> None:
        access: Access = "write" if isinstance(node.ctx, ast.Store | ast.Del) else "read"
        if self._proxy_used(node.value, node, access, state):
            return
        value = self._value(node)
        if isinstance(value, Property):
            self._called(node, self._needs.of(value.function), state)
        elif isinstance(value, Foreign) and value.name in NEEDS and not self._is_called(node):
            self._used(NEED_OF[NEEDS[value.name]], node, node, value.name, access, state)
            return
        self.visit(node.value, state)

    def _is_called(self, node: ast.expr) -> bool:
        parent = self._module.scopes.parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def _subscript(self, node: ast.Subscript, state: _State) -> None:
        access: Access = "write" if isinstance(node.ctx, ast.Store | ast.Del) else "read"
        if not self._proxy_used(node.value, node, access, state):
            self.visit(node.value, state)
        self.visit(node.slice, state)

    def _compare(self, node: ast.Compare, state: _State) -> None:
        self.visit(node.left, state)
        for operator, each in zip(node.ops, node.comparators, strict=True):
            is_membership = isinstance(operator, ast.In | ast.NotIn)
            if not (is_membership and self._proxy_used(each, each, "probe", state)):
                self.visit(each, state)
            state = state.maybe()

    def _formatted(self, node: ast.FormattedValue, state: _State) -> None:
        if not self._proxy_used(node.value, node.value, "read", state):
            self.visit(node.value, state)

    def _call(self, node: ast.Call, state: _State) -> None:
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

    def _foreign_call(self, node: ast.Call, function: Foreign, state: _State) -> None:
        name = function.name
        if name in NEEDS:
            short = name.rpartition(".")[2]
            path = self._module.path
            need = self._needs.url_need(path) if short == "url_for" else NEED_OF[NEEDS[name]]
            self._used(need, node, node.func, name, "call", state)
        elif name.partition(".")[0] == "builtins" and name.partition(".")[2] in _READERS:
            probes = name in {"builtins.hasattr", "builtins.getattr"}
            access: Access = "probe" if probes else "read"
            for argument in node.args[:1]:
                self._proxy_used(argument, argument, access, state)
        elif is_proxy(function):
            self._proxy_used(node.func, node.func, "read", state)
        elif isinstance(node.func, ast.Attribute):
            self.visit(node.func, state)

    def _is_awaited(self, node: ast.Call) -> bool:
        return isinstance(self._module.scopes.parents.get(node), ast.Await)

    def _bound(self, call: ast.Call, function: Function) -> Function:
        """Return `function` with the values that a call gives its parameters."""
        passed = self._passed.get(call)
        if passed is None:
            found = self._values.arguments(self._module, call, function, self._given)
            passed = self._passed[call] = tuple(each for each in found if _is_passed(each))
        return function._replace(given=(*function.given, *passed))

    def _proxy_used(self, proxy: ast.expr, whole: ast.expr, access: Access, state: _State) -> bool:
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
        state: _State,
    ) -> None:
        if need <= state.provided:
            return
        name = _short(named, of)
        role: Role = "write" if access == "write" else "read" if of in PROXIES else "call"
        step = step_at(self._module, whole, role)
        span = self._module.span(whole)
        self._uses.append(Use(need, name, of, access, (step,), state.is_certain, span))

    def _called(self, node: ast.expr, summary: Summary, state: _State) -> None:
        """Take over the uses of a function that is called here."""
        uses = [use for use in summary.uses if use.need > state.provided]
        if not uses:
            return
        step = step_at(self._module, node, "call")
        for use in uses:
            certain = use.is_certain and state.is_certain
            self._uses.append(use._replace(steps=(step, *use.steps), is_certain=certain, span=None))


_VISITORS: dict[type[ast.AST], Callable[[_Scan, Any, _State], None]] = {
    ast.Attribute: _Scan._attribute,
    ast.BoolOp: _Scan._bool_op,
    ast.Call: _Scan._call,
    ast.Compare: _Scan._compare,
    ast.DictComp: _Scan._comprehension,
    ast.FormattedValue: _Scan._formatted,
    ast.GeneratorExp: _Scan._comprehension,
    ast.IfExp: _Scan._if_exp,
    ast.Lambda: _Scan._lambda,
    ast.ListComp: _Scan._comprehension,
    ast.SetComp: _Scan._comprehension,
    ast.Subscript: _Scan._subscript,
}
_PROBING = METHODS_OF_G | {"__contains__"}


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


def _distinct(uses: Iterable[Use]) -> Iterator[Use]:
    """Yield the uses; of those in callees, one for each name, the most certain and nearest."""
    seen: set[object] = set()
    for use in sorted(uses, key=lambda use: (use.span is None, not use.is_certain, len(use.steps))):
        key = use.span or (use.name, use.of, use.access)
        if key not in seen:
            seen.add(key)
            yield use
