"""Where a piece of code runs: in a request, in an app context, outside of both, or nobody knows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.callers import Caller, Callers, CallSite, Unseen
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import Foreign, Function
from flask_ctxfix.context_flow.ways import Place, Ways
from flask_ctxfix.flask_facts import JOB_DECORATORS, OUTSIDE_DECORATORS, STARTERS
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import name_of
from flask_ctxfix.syntax import without_call

# Decorators that also let something else than Flask call the function.
_TASKS = {*JOB_DECORATORS, *(each for each in OUTSIDE_DECORATORS if not each.startswith("click."))}

_Contexts = frozenset[Where]


class Reach:
    """Where code runs, and the calls that lead there from what Flask itself calls.

    Both the calls and the reason why it is unknown are looked for when they are asked for.
    """

    __slots__ = ("_find_reason", "_find_steps", "where")

    def __init__(
        self,
        where: Where,
        find_steps: Callable[[], tuple[Step, ...]] = tuple,
        find_reason: Callable[[], str] = str,
    ) -> None:
        self.where = where
        self._find_steps = find_steps
        self._find_reason = find_reason

    @property
    def steps(self) -> tuple[Step, ...]:
        """The shortest way: an entry, and the calls from there on."""
        return self._find_steps()

    @property
    def reason(self) -> str:
        """Why it is unknown; empty if it is not."""
        return self._find_reason()


_NOWHERE: _Contexts = frozenset()
_UNKNOWN: _Contexts = frozenset({Where.UNKNOWN})
_OUTSIDE: _Contexts = frozenset({Where.OUTSIDE})
_IN_REQUEST: _Contexts = frozenset({Where.REQUEST})
_IN_APP: _Contexts = frozenset({Where.APP})
# The contexts that a function runs in; UNKNOWN among them if it may run in others too.
_CONTEXTS: QuestionKind[_Contexts] = QuestionKind("reach", _NOWHERE, frozenset.union)


class Reachability:
    """Follows the callers of functions up to what Flask, or nothing, calls.

    A function that Flask calls may have other callers, and decorators that run it elsewhere; they
    count only where `is_thorough`.
    """

    def __init__(
        self,
        project: Project,
        values: Values,
        guards: Guards,
        table: Table,
        entries: Entries,
        callers: Callers,
        *,
        is_thorough: bool = False,
    ) -> None:
        self._project = project
        self._values = values
        self._guards = guards
        self._table = table
        self._entries = entries
        self._callers = callers
        self._is_thorough = is_thorough
        self._ways = Ways(callers, entries, self._contexts_of, self._of_caller)

    def of(self, module: Module, node: ast.AST) -> Reach:
        """Return where the code `node` of a module runs."""
        return self._reach(CallSite(module, node, self._guards.at(module, node)))

    def of_function(self, module: Module, function: FunctionNode) -> Reach:
        """Return where the body of a function runs, as far as all its callers tell."""
        return self._answer(self._of_function(module, function), Place(module, function))

    def references(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[tuple[Module, ast.expr]]:
        """Yield the expressions of the project that name a function."""
        return self._callers.references.of(module, function)

    def _reach(self, site: CallSite) -> Reach:
        if site.proven is Need.REQUEST:
            return Reach(Where.REQUEST)
        function = site.module.scopes.function_of(site.node)
        if function is None:
            return Reach(Where.OUTSIDE)
        contexts = self._of_function(site.module, function)
        if site.proven is Need.APP and contexts != _IN_REQUEST:
            return Reach(Where.APP)
        return self._answer(contexts, Place(site.module, function))

    def _answer(self, contexts: _Contexts, asked: Place) -> Reach:
        """Return the one answer that the contexts of a function give."""
        if Where.ENDING in contexts:
            return Reach(Where.ENDING, lambda: self._ways.to(asked, Where.ENDING))
        if self._is_thorough and Where.OUTSIDE in contexts:
            return Reach(Where.OUTSIDE)
        if len(contexts) == 1 and contexts != _UNKNOWN:
            (where,) = contexts
            return Reach(where, lambda: self._ways.to(asked, where))
        if contexts and contexts <= {Where.REQUEST, Where.APP}:
            return Reach(Where.APP)
        return Reach(Where.UNKNOWN, tuple, lambda: self._ways.reason(asked, contexts))

    def _contexts_of(self, place: Place) -> _Contexts:
        return self._of_function(*place)

    def _of_function(self, module: Module, function: FunctionNode) -> _Contexts:
        registered = self._registered(module, function)
        if registered is not None and not self._is_thorough:
            return registered
        place = (module.key, name_of(function), function.lineno, function.col_offset)
        key = ("reach", self._is_thorough, place)

        def compute() -> _Contexts:
            return self._called(module, function, registered)

        return self._table.ask(self._project, _CONTEXTS, key, compute)

    def _registered(self, module: Module, function: FunctionNode) -> _Contexts | None:
        """Return where a function runs by its decorators or as a method of its class."""
        found = [e for e in self._entries.of(module, function) if e.sender is None]
        if not found:
            return None
        if self._is_thorough and self._entries.is_doubtful(module, function):
            return _UNKNOWN
        # A command that asks for the context of the application has it.
        wheres = [each.where or Where.UNKNOWN for each in found]
        ranked = (each for each in (Where.APP, Where.ENDING) if each in wheres)
        return frozenset({next(ranked, wheres[0])})

    def _called(
        self, module: Module, function: FunctionNode, registered: _Contexts | None
    ) -> _Contexts:
        """Return where the callers of a function run, with Flask where it is `registered`."""
        if not isinstance(function, ast.Lambda):
            if self._is_thorough and self._is_run_elsewhere(module, function):
                return _UNKNOWN
            if registered is not None and (
                registered == _IN_APP  # commands carry their context with them
                or isinstance(module.scopes.parents[function], ast.ClassDef)
            ):
                return registered
            if self._makes_application(module, function):
                return _OUTSIDE
        found = registered or _NOWHERE
        certain = self._callers.of(module, function)
        if not self._is_thorough and any(map(_is_unknown, certain)):
            return _UNKNOWN  # where the other callers run is not worth the search
        for caller in certain:
            found |= self._of_caller(caller)
        perhaps = self._callers.perhaps(module, function)
        for caller in perhaps if self._is_thorough else _likely(perhaps, certain):
            contexts = self._of_caller(caller)
            if certain and not self._is_thorough:  # these may call something else
                contexts &= _IN_REQUEST
            found |= contexts
        if self._is_thorough and not (certain or perhaps or registered):
            return _UNKNOWN
        return found

    def _of_caller(self, caller: Caller) -> _Contexts:
        """Return where a function runs as far as one of its callers goes."""
        if isinstance(caller, Entry):
            return frozenset({caller.where or Where.UNKNOWN})
        if not isinstance(caller, CallSite):
            return _UNKNOWN
        if caller.proven is Need.REQUEST:
            return _IN_REQUEST
        function = caller.module.scopes.function_of(caller.node)
        if function is None:
            return _OUTSIDE
        contexts = self._of_function(caller.module, function)
        if caller.proven is Need.APP and contexts != _IN_REQUEST:
            if contexts or self._is_uncalled(caller.module, function):
                return (contexts & _IN_REQUEST) | _IN_APP
        return contexts

    def _is_uncalled(self, module: Module, function: FunctionNode) -> bool:
        return not (self._callers.of(module, function) or self._callers.perhaps(module, function))

    def _is_run_elsewhere(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> bool:
        """Whether a body runs later than its call, or where a decorator starts it."""
        if function in module.scopes.generators:
            return True
        for decorator in function.decorator_list:
            called = without_call(decorator)
            maker = self._values.of(module, called)
            if isinstance(maker, Foreign) and maker.name in _TASKS:
                return True
            if isinstance(maker, Function) and self._starts_something(maker):
                return True
        return False

    def _starts_something(self, function: Function) -> bool:
        calls = (node for node in ast.walk(function.node) if isinstance(node, ast.Call))
        values = (self._values.of(function.module, call.func) for call in calls)
        return any(isinstance(value, Foreign) and value.name in STARTERS for value in values)

    def _makes_application(self, module: Module, function: FunctionNode) -> bool:
        """Whether a function sets up an application, which happens before any request."""
        return function in module.memo("makers of applications", lambda: self._makers(module))

    def _makers(self, module: Module) -> frozenset[ast.AST]:
        """Return what holds the calls of a module that make an application."""
        names = {local for local, _ in self._project.flask_locals(module).get("Flask", ())}
        names.add("Flask")  # as an attribute, or imported with a star
        return frozenset(
            parent
            for call in module.scopes.calls_of(names)
            if self._values.of(module, call.func) == Foreign("flask.Flask")
            for parent in module.scopes.ancestors(call)
        )


def _is_unknown(caller: Caller) -> bool:
    """Whether nothing tells where a caller runs, whatever calls that."""
    return isinstance(caller, Unseen) or (
        isinstance(caller, Entry) and caller.where in (None, Where.UNKNOWN)
    )


def _likely(perhaps: tuple[Caller, ...], certain: tuple[Caller, ...]) -> tuple[Caller, ...]:
    """Return what may call a function, without what nobody sees if anything is seen to."""
    if certain:
        return tuple(each for each in perhaps if isinstance(each, CallSite))
    return tuple(each for each in perhaps if not isinstance(each, Unseen)) or perhaps
