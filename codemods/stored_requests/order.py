"""Whether a slot is certainly written before code runs, in the same request.

What is certain before a call is certain when its function begins. Code that may run without a
write before it has none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from flask_ctxfix.codemods.stored_requests.nested import pushes_context
from flask_ctxfix.codemods.stored_requests.views_and_hooks import ViewsAndHooks
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.handled_errors import may_go_on
from flask_ctxfix.context_flow.made_contexts import may_enter_context, opens_inside
from flask_ctxfix.context_flow.tables import QuestionKind
from flask_ctxfix.context_flow.values import Foreign, Function, Known, parameters_of
from flask_ctxfix.flask_facts import CACHES, is_transparent
from flask_ctxfix.module import Keeper, Module, NodeKey, stem_of
from flask_ctxfix.obligations.named_in_strings import strings_naming
from flask_ctxfix.obligations.order_of_statements import Happened
from flask_ctxfix.obligations.overriding import may_be_called_unseen, may_be_overridden
from flask_ctxfix.obligations.waiting import is_read_later
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import own_nodes
from flask_ctxfix.syntax import without_call

_LOOKING = ("asyncio.", "functools.", "inspect.")


class Written(IntEnum):
    """Whether something wrote before; unless the request ended early: only then it may not have.

    `UNLESS_ENDED` also stands for what else leaves out the write where there is a `g` to ask.
    """

    NO = 0
    UNLESS_ENDED = 1
    YES = 2


class _Before(NamedTuple):
    """What is known of the ways to a place: whether something wrote, and what stands in the way."""

    written: Written
    doubts: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Written, frozenset[str], frozenset[str]]:
        return self.written, frozenset(self.doubts), frozenset(self.nested)


def _joined(one: _Before, other: _Before) -> _Before:
    doubts = tuple(dict.fromkeys((*one.doubts, *other.doubts)))
    nested = tuple(dict.fromkeys((*one.nested, *other.nested)))
    return _Before(min(one.written, other.written), doubts, nested)


_IS_ENTERED = QuestionKind("is entered", False, lambda one, other: one or other)
_ALWAYS_WRITES = QuestionKind("always writes", True, lambda one, other: one and other)
# What calls itself begins, in the end, with a call from elsewhere.
_AT_ENTRY = QuestionKind(
    "written at entry",
    _Before(Written.YES),
    _joined,
    lambda one, other: one.parts == other.parts,
)


def function_around(module: Module, node: ast.AST) -> FunctionNode | None:
    """Return the function that evaluates a node: not the one whose default or decorator it is."""
    for scope in module.scopes.scope_of(node).and_outer():
        if isinstance(scope.node, FunctionNode):
            return scope.node
    return None


class Order:
    """Follows the writes of one slot through a project.

    `doubts` are what keeps the answers from being certain; `nested` the places on the way where
    another context is active.
    """

    def __init__(self, project: Project, writes: frozenset[NodeKey]) -> None:
        self._writes = writes
        self.values = ContextFlow.of(project).values
        self.doubts: list[str] = []
        self.nested: list[str] = []
        self._reachability = ContextFlow.of(project).reachability
        self._table = ContextFlow.of(project).table
        self._answers = Keeper()
        self._flask_calls = ViewsAndHooks(project)
        self._project = project
        self._walks: dict[NodeKey, Happened] = {}

    def before(self, module: Module, node: ast.AST) -> Written:
        """Return whether something certainly wrote when `node` is evaluated."""
        before = self._before(module, node)
        self.doubts += before.doubts
        self.nested += before.nested
        return before.written

    def _before(self, module: Module, node: ast.AST) -> _Before:
        function = function_around(module, node)
        if function is None:
            return _Before(Written.NO)
        own = _Before(Written.YES, nested=tuple(_contexts_around(self.values, module, node)))
        if is_read_later(module, node):
            return own._replace(written=Written.NO)
        if self.walk(module, function).before(node):
            return own
        if isinstance(function, ast.Lambda) or function in module.scopes.generators:
            return own._replace(written=Written.NO)
        return _joined(own, self._at_entry(module, function))

    def walk(self, module: Module, function: FunctionNode) -> Happened:
        """Return what is known of the statements of a function."""
        key = module.key_of(function)
        if key not in self._walks:
            self._walks[key] = self._walked(module, function)
        return self._walks[key]

    def _walked(self, module: Module, function: FunctionNode, given: Known = ()) -> Happened:
        def writes(node: ast.expr) -> bool:
            if isinstance(node, ast.Call):
                return self.is_writing(module, node, given)
            return module.key_of(node) in self._writes

        def may_hide(manager: ast.expr) -> bool:
            return may_go_on(self.values, module, manager)

        def is_apart(manager: ast.expr) -> bool:  # there, it would be another `g`
            return may_enter_context(self.values, module, manager)

        return Happened(function, writes, is_apart=is_apart, may_hide=may_hide)

    def always_writes(self, value: Function, *, as_hook: bool = False) -> bool:
        """Whether every run of a function that ends well writes.

        The hook of a request that answers it ends well without: nothing runs after it.
        """
        module, node = value.module, value.node
        if isinstance(node, ast.Lambda) or node in module.scopes.generators:
            return False
        key = ("always writes", module.key_of(node), value.given, as_hook)
        return self._table.ask(
            self._answers, _ALWAYS_WRITES, key, lambda: self._ends_written(value, as_hook)
        )

    def _ends_written(self, value: Function, as_hook: bool) -> bool:
        """Whether something wrote at each end of a function."""
        module, node = value.module, value.node
        if pushes_context(node) or self._may_be_left_out(value):
            return False
        for each in own_nodes(node):  # asked here, they do not wait for each other inside a walk
            if isinstance(each, ast.Call):
                self.is_writing(module, each, value.given)
        ends = self._walked(module, node, value.given).ends
        left = [w for end, w in ends if not (as_hook and self._flask_calls.is_answer(module, end))]
        return all(left) and bool(ends)

    def is_writing(self, module: Module, call: ast.Call, given: Known) -> bool:
        """Whether a call certainly writes."""
        value = self.values.of(module, call.func, given)
        if not isinstance(value, Function):
            return False
        is_awaited = isinstance(module.scopes.parents.get(call), ast.Await)
        if isinstance(value.node, ast.AsyncFunctionDef) and not is_awaited:
            return False
        return self.always_writes(value)

    def _may_be_left_out(self, value: Function) -> bool:
        """Whether a call may run something else: a subclass's method, a patch, a cached result."""
        module, node = value.module, value.node
        assert not isinstance(node, ast.Lambda)
        for decorator in node.decorator_list:
            called = without_call(decorator)
            if self.values.name_of(module, called) in CACHES:
                return True
        owner = module.scopes.parents.get(node)
        named_by = owner.name if isinstance(owner, ast.ClassDef) else stem_of(module.path)
        if isinstance(owner, ast.ClassDef):
            if may_be_overridden(module, self._project, owner, node.name):
                return True
        for other in self._project.parsed(self._project.naming(node.name)):
            if any(strings_naming(node.name, other, named_by)):
                return True
        return False

    def _at_entry(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> _Before:
        key = ("at entry", module.key_of(function))
        return self._table.ask(
            self._answers, _AT_ENTRY, key, lambda: self._entered(module, function)
        )

    def _entered(self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> _Before:
        if may_be_called_unseen(module, self._project, function, by_flask=False):
            return _Before(Written.NO)
        found = _Before(Written.YES)
        for decorator in function.decorator_list:
            found = _joined(found, self._handed_on(module, decorator))
            if found.written is Written.NO:
                return found
        around = self._decorated(module, function)
        if around.written is Written.YES:
            return _joined(found, around)
        found = _joined(found, around._replace(written=Written.YES))
        for each in self._ways_in(module, function):
            found = _joined(found, each)
            if found.written is Written.NO:
                return found
        return found if self._is_entered(module, function) else found._replace(written=Written.NO)

    def _is_entered(self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether Flask, or code that wrote, leads to a function, and not only the function itself.

        Who calls what only calls itself is not known.
        """

        def compute() -> bool:
            if any(True for _ in self._flask_calls.of(module, function)):
                return True
            for home, reference in self._reachability.references(module, function):
                around = function_around(home, reference)
                if not isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
                    return True
                call = home.scopes.parents[reference]
                if self.walk(home, around).before(call) or self._is_entered(home, around):
                    return True
            return False

        key = ("is entered", module.key_of(function))
        return self._table.ask(self._answers, _IS_ENTERED, key, compute)

    def _ways_in(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[_Before]:
        """Yield, for each way in which a function is called, whether something wrote before."""
        for way in self._flask_calls.of(module, function):
            is_covered = any(self._flask_calls.covers(hook, way) for hook in self._hooks())
            best = Written.YES if way.is_view else Written.UNLESS_ENDED
            doubts: tuple[str, ...] = ()
            by_hand = self._flask_calls.calls_views_itself
            if is_covered and by_hand is not None:
                best = Written.UNLESS_ENDED if by_hand.is_inside else Written.NO
                doubts = ("code may call a view without its `before_request` functions",)
            yield _Before(best if is_covered and way.has_hooks else Written.NO, doubts)
        for home, reference in self._reachability.references(module, function):
            if self._flask_calls.is_registration(home, reference):
                continue
            call = home.scopes.parents.get(reference)
            if not isinstance(call, ast.Call) or call.func is not reference:
                yield _Before(Written.NO)
                continue
            yield _Before(Written.YES, tuple(self._doubtful_decorators(module, function)))
            yield self._before(home, call)

    def _hooks(self) -> list[Function]:
        hooks = self._flask_calls.hooks
        return [hook for hook in hooks if self.always_writes(hook, as_hook=True)]

    def _doubtful_decorators(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Iterator[str]:
        for decorator in function.decorator_list:
            called = without_call(decorator)
            value = self.values.of(module, called)
            is_known = isinstance(value, Foreign) and is_transparent(value.name)
            if not is_known and not isinstance(value, Function):
                yield _doubt(module, called, function)

    def look_around(self, module: Module, node: ast.AST) -> None:
        """Remember where another context is active around a place."""
        self.nested += _contexts_around(self.values, module, node)

    def _decorated(
        self, module: Module, function: ast.FunctionDef | ast.AsyncFunctionDef
    ) -> _Before:
        """Return whether a decorator of the project writes before it calls the function."""
        doubts: list[str] = []
        for decorator in reversed(function.decorator_list):
            called = without_call(decorator)
            maker = self.values.of(module, called)
            if isinstance(maker, Foreign) and not is_transparent(maker.name):
                doubts.append(_doubt(module, called, function))
            if self._flask_calls.is_entry_decorator(module, decorator):
                break  # it is given the function as it is up to here
            if isinstance(decorator, ast.Call) and isinstance(maker, Function):
                maker = self.values.result(maker)
            if isinstance(maker, Function) and self._writes_before_its_argument(maker):
                return _Before(Written.YES, tuple(doubts))
        return _Before(Written.NO, tuple(doubts))

    def _handed_on(self, module: Module, decorator: ast.expr) -> _Before:
        """Return NO for a decorator of the project that lets others call the function."""
        called = without_call(decorator)
        maker = self.values.of(module, called)
        nested = (module.segment(called),) if opens_inside(self.values, maker) else ()
        if isinstance(decorator, ast.Call) and isinstance(maker, Function):
            maker = self.values.result(maker)
        is_handed_on = isinstance(maker, Function) and "other" in _uses_of_argument(
            self.values, maker
        )
        return _Before(Written.NO if is_handed_on else Written.YES, nested=nested)

    def _writes_before_its_argument(self, maker: Function) -> bool:
        module = maker.module
        uses = _uses_of_argument(self.values, maker)
        return uses.keys() == {"called"} and all(
            (around := function_around(module, call)) is not None
            and around is not maker.node
            and self.walk(module, around).before(call)
            for call in uses["called"]
        )


def _uses_of_argument(values: Values, maker: Function) -> dict[str, list[ast.AST]]:
    """Return where a decorator calls the function, returns it or does something else."""
    names = parameters_of(maker)[1 if maker.receiver is not None else 0 :][:1]
    module = maker.module
    scope = module.scopes.opened_by(maker.node)
    found: dict[str, list[ast.AST]] = {}
    for read in (read for name in names for read in scope.reads.get(name, ())):
        parent = module.scopes.parents[read]
        if isinstance(parent, ast.Attribute):
            continue
        if isinstance(parent, ast.Call) and parent.func is not read:
            if values.name_of(module, parent.func).startswith(_LOOKING):
                continue
        is_called = isinstance(parent, ast.Call) and parent.func is read
        kind = "called" if is_called else "other"
        kind = "returned" if isinstance(parent, ast.Return) else kind
        found.setdefault(kind, []).append(parent)
    return found


def _contexts_around(values: Values, module: Module, node: ast.AST) -> Iterator[str]:
    """Yield what makes another context active around a place, in its function."""
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode):
            is_inside = not isinstance(parent, ast.Lambda) and child in parent.body
            if is_inside and pushes_context(parent):
                yield getattr(parent, "name", "")
            break
        if isinstance(parent, ast.With | ast.AsyncWith) and child in parent.body:
            items = [item.context_expr for item in parent.items]
            opened = [each for each in items if may_enter_context(values, module, each)]
            yield from map(module.segment, opened[:1])
        child = parent


def _doubt(
    module: Module, decorator: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> str:
    return f"the unknown decorator `{module.segment(decorator)}` may run `{function.name}` later"
