"""Where a piece of code runs: in a request, in an app context, outside of both, or nobody knows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from flask_ctxfix.applications import makes_application
from flask_ctxfix.codemod import Step
from flask_ctxfix.context_flow.call_sites import Caller, CallSite, Unseen
from flask_ctxfix.context_flow.callers import Callers, MethodName, name_that_objects_have
from flask_ctxfix.context_flow.entries import Entries, Entry, Where
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.run_elsewhere import is_run_elsewhere
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.ways import Place, Ways
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.steps import definition_of

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
_INSIDE: _Contexts = frozenset({Where.REQUEST, Where.APP})
# The contexts that a function runs in; UNKNOWN among them if it may run in others too.
_CONTEXTS: QuestionKind[_Contexts] = QuestionKind("reach", _NOWHERE, frozenset.union)
# The same, but UNKNOWN alone if they give no answer.
_LIKELY: QuestionKind[_Contexts] = QuestionKind(
    "likely reach", _NOWHERE, lambda one, other: _settled(one | other)
)
_IS_SO: QuestionKind[bool] = QuestionKind("is so", False, bool.__or__)


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
        self._kind = _CONTEXTS if is_thorough else _LIKELY
        self._callers_of = callers.of if is_thorough else callers.likely
        self._ways = Ways(
            self._callers_of, callers.perhaps, entries, self._contexts_of, self._of_caller
        )

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
        if contexts and contexts <= _INSIDE:
            return Reach(Where.APP)
        return Reach(Where.UNKNOWN, tuple, lambda: self._ways.reason(asked, contexts))

    def _contexts_of(self, place: Place) -> _Contexts:
        return self._of_function(*place)

    def _of_function(self, module: Module, function: FunctionNode) -> _Contexts:
        registered = self._registered(module, function)
        if registered is not None and not self._is_thorough:
            return registered
        key = ("reach", self._is_thorough, module.key, definition_of(module, function))

        def compute() -> _Contexts:
            return self._called(module, function, registered)

        return self._table.ask(self._project, self._kind, key, compute)

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
        if self._is_thorough and is_run_elsewhere(self._values, module, function):
            return _UNKNOWN
        if registered is not None and (
            registered == _IN_APP  # commands carry their context with them
            or isinstance(module.scopes.parents[function], ast.ClassDef)
        ):
            return registered
        if makes_application(module, self._project, function):
            return _OUTSIDE
        if not self._is_thorough:
            return self._likely(module, function)
        if registered is None and self._is_uncalled(module, function):
            return _UNKNOWN
        found = (registered or _NOWHERE) | self._joined(self._callers_of(module, function))
        name = name_that_objects_have(module, function)
        return found if name is None else found | self._of_name(name)

    def _likely(self, module: Module, function: FunctionNode) -> _Contexts:
        """Return where a function runs by its callers: by others that may be, if it has none."""
        certain = self._callers_of(module, function)
        name = name_that_objects_have(module, function)
        if not certain:
            return _NOWHERE if name is None else self._of_name(name)
        found = self._joined(certain)
        if name is not None and not (found & _INSIDE or found == _UNKNOWN):
            if self._is_named_in_request(name, by_calls=True):
                found = _settled(found | _IN_REQUEST)
        return found

    def _of_name(self, name: MethodName) -> _Contexts:
        """Return where what may call the methods of a name runs."""

        def compute() -> _Contexts:
            perhaps = self._callers.perhaps_named(name)
            return self._joined(perhaps if self._is_thorough else _seen(perhaps))

        key = ("reach of methods", self._is_thorough, name)
        return self._table.ask(self._project, self._kind, key, compute)

    def _joined(self, callers: Iterable[Caller]) -> _Contexts:
        """Return where callers run, no further than until that is unknown, if this is enough."""
        found = _NOWHERE
        for caller in sorted(callers, key=self._is_long) if not self._is_thorough else callers:
            found |= self._of_caller(caller)
            if not self._is_thorough:
                found = _settled(found)
                if found == _UNKNOWN:
                    break
        return found

    def _is_long(self, caller: Caller) -> bool:
        """Whether it takes others to tell where a caller runs."""
        if not isinstance(caller, CallSite):
            return False
        function = caller.module.scopes.function_of(caller.node)
        return function is not None and self._registered(caller.module, function) is None

    def _is_in_request(self, caller: Caller) -> bool:
        """Whether a caller may run in a request, among others; asked where that alone counts."""
        if not isinstance(caller, CallSite):
            return isinstance(caller, Entry) and caller.where is Where.REQUEST
        if caller.proven is Need.REQUEST:
            return True
        function = caller.module.scopes.function_of(caller.node)
        if function is None:
            return False
        module = caller.module
        registered = self._registered(module, function)
        if registered is not None:
            return registered == _IN_REQUEST

        def compute() -> bool:
            if makes_application(module, self._project, function):
                return False
            certain = self._callers_of(module, function)
            if any(map(_is_unknown, certain)):
                return False
            if any(map(self._is_in_request, sorted(certain, key=self._is_long))):
                return True
            name = name_that_objects_have(module, function)
            return name is not None and self._is_named_in_request(name, by_calls=bool(certain))

        key = ("in request", module.key, definition_of(module, function))
        return self._table.ask(self._project, _IS_SO, key, compute)

    def _is_named_in_request(self, name: MethodName, *, by_calls: bool) -> bool:
        """Whether a request may call methods of a name, as the last of the callers to count."""

        def compute() -> bool:
            perhaps = self._callers.perhaps_named(name)
            if by_calls:
                perhaps = tuple(each for each in perhaps if isinstance(each, CallSite))
            return any(map(self._is_in_request, sorted(perhaps, key=self._is_long)))

        return self._table.ask(self._project, _IS_SO, ("named in request", by_calls, name), compute)

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
            if not self._is_thorough and contexts == _UNKNOWN:
                return _INSIDE
            if contexts or self._is_uncalled(caller.module, function):
                return (contexts & _IN_REQUEST) | _IN_APP
        return contexts

    def _is_uncalled(self, module: Module, function: FunctionNode) -> bool:
        return not (self._callers_of(module, function) or self._callers.perhaps(module, function))


def _is_unknown(caller: Caller) -> bool:
    """Whether nothing tells where a caller runs, whatever calls that."""
    return isinstance(caller, Unseen) or (
        isinstance(caller, Entry) and caller.where in (None, Where.UNKNOWN)
    )


def _seen(perhaps: tuple[Caller, ...]) -> tuple[Caller, ...]:
    """Return what may call a function, without what nobody sees if anything is seen to."""
    return tuple(each for each in perhaps if not isinstance(each, Unseen)) or perhaps


def _settled(contexts: _Contexts) -> _Contexts:
    """Return contexts as one that is unknown, where there are too many for an answer."""
    return contexts if len(contexts) < 2 or contexts == _INSIDE else _UNKNOWN
