"""Whether a slot can move to `g`, or become a local variable, in all of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePath
from typing import Literal, NamedTuple

from flask_ctxfix.codemod import Applicability
from flask_ctxfix.codemods.stored_requests.kept_paths import may_be_in_request
from flask_ctxfix.codemods.stored_requests.nested import pushes_context
from flask_ctxfix.codemods.stored_requests.order import Order, Written, function_around
from flask_ctxfix.codemods.stored_requests.slots import Slot, stores_in
from flask_ctxfix.codemods.stored_requests.texts import ReadByOthers, WithoutG
from flask_ctxfix.codemods.stored_requests.uses import (
    GUARDED,
    Uses,
    is_re_exported,
    modules_with,
    uses_in,
)
from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.flask_facts import PROXIES, SEEING_NAMES, STARTERS
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.names_on_g import why_not_free_on_g
from flask_ctxfix.obligations.order_of_statements import certain_parts
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import statement_of
from flask_ctxfix.syntax import last_name

UNREAD = "nothing reads the value"


class Verdict(NamedTuple):
    """Where a slot goes: to `g`, to a local variable, or (None) nowhere.

    `reason` says why it cannot go, or what is not proven; `read` is what shows it. The functions at
    `defaulted`, paths and names, may read it before every write, and get `default` then.
    """

    goes_to: Literal["g", "local"] | None
    applicability: Applicability = "safe"
    reason: str = ""
    read: tuple[Module, ast.AST] | None = None
    default: str = "None"
    defaulted: frozenset[tuple[str, str]] = frozenset()


def verdict_of(slot: Slot, project: Project) -> Verdict:
    """Return where a slot can go. The files are taken as they were before any rewrite."""
    return project.memo(("verdict", slot), lambda: _Judge(slot, project).verdict())


class _Judge:
    """Goes through what has to be true of a slot, one after the other."""

    def __init__(self, slot: Slot, project: Project) -> None:
        self._slot = slot
        self._project = project
        self._flow = ContextFlow.of(project)
        every = [uses_in(slot, module, project) for module in modules_with(slot, project)]
        self._uses = [uses for uses in every if uses.are_any or uses.problems]
        self._reads = [(u.module, node) for u in self._uses for node in (*u.reads, *u.changes)]
        self._writes = [(uses.module, node) for uses in self._uses for node in uses.writes]
        self._changes = [(u.module, n) for u in self._uses for n in (*u.changes, *u.changed_at)]
        keys = frozenset(module.key_of(node) for module, node in self._writes)
        self._order = Order(project, keys)
        self._doubts: list[str] = []

    def verdict(self) -> Verdict:
        """Return the verdict."""
        problems = [each for uses in self._uses for each in uses.problems]
        problem = min(problems, key=lambda each: each != GUARDED, default=self._re_exported())
        if problem is not None:
            return Verdict(None, reason=problem, read=self._read_across_requests())
        if self._slot.name.startswith("__"):
            return Verdict(None, reason=f"`{self._slot.name}` begins with two underscores")
        if self._is_local():
            return Verdict("local")
        return self._to_g()

    def _read_across_requests(self) -> tuple[Module, ast.AST] | None:
        """Return a read that may get what another request has written."""
        for module, node in self._reads:
            if function_around(module, node) is None:
                continue
            if may_be_in_request(module, self._project, node):
                if self._order.before(module, self._read_at(module, node)) is Written.NO:
                    return module, node
        return None

    def _re_exported(self) -> str | None:
        """Return which module hands on the name that it imports, if one does."""
        every = list(modules_with(self._slot, self._project))
        for uses in self._uses:
            for binding in uses.imported:
                path = uses.module.path
                if any(is_re_exported(binding.name, path, m, self._project) for m in every):
                    return f"`{PurePath(path).name}` re-exports `{self._slot.name}`"
        return None

    def _is_local(self) -> bool:
        """Whether one function alone uses a name of outside, and writes it before each read."""
        homes = {self._home(module, node) for module, node in (*self._writes, *self._reads)}
        if not self._reads:
            return False
        if self._slot.kind not in {"global", "variable"} or len(homes) != 1 or len(self._uses) != 1:
            return False
        uses, function = self._uses[0], next(iter(homes))
        if function is None or not all(isinstance(node, ast.Name) for node in uses.expressions):
            return False
        if len(uses.globals) != 1:
            return False
        if _calls(function) & SEEING_NAMES:
            return False
        if self._is_recursive(uses.module, function):
            return False
        walk = self._order.walk(uses.module, function)
        return all(walk.before(_part_of(uses.module, function, read)) for _, read in self._reads)

    def _is_recursive(self, module: Module, function: FunctionNode) -> bool:
        """Whether a function may run again before it ends, so that its runs see each other."""
        pending, seen = [(module, function)], {module.key_of(function)}
        while pending:
            home, current = pending.pop()
            if isinstance(current, ast.Lambda):
                return True
            for caller, reference in self._flow.reachability.references(home, current):
                around = function_around(caller, reference)
                if around is None:
                    continue
                key = caller.key_of(around)
                if around is function:
                    return True
                if key not in seen:
                    seen.add(key)
                    pending.append((caller, around))
        return False

    def _home(self, module: Module, node: ast.AST) -> FunctionNode | None:
        """Return the function that declares the global around a use."""
        found = None
        for parent in module.scopes.ancestors(node):
            if isinstance(parent, FunctionNode):
                found = parent
                if any(g in ast.walk(parent) for g in self._globals(module)):
                    return parent
        return found

    def _globals(self, module: Module) -> list[ast.Global | ast.Nonlocal]:
        return [node for uses in self._uses if uses.module is module for node in uses.globals]

    def _to_g(self) -> Verdict:
        taken = self._taken()
        if taken:
            return Verdict(None, reason=taken)
        if not self._reads:
            return Verdict(None, reason=UNREAD)
        added = [(uses.module, node) for uses in self._uses for node in uses.changes]
        for module, node in (*self._writes, *added):
            problem = self._problem_of_write(module, node)
            if problem is not None:
                return Verdict(None, reason=problem)
        defaulted = set()
        for module, node in self._reads:
            written = self._order.before(module, self._read_at(module, node))
            if written is Written.NO:
                return self._unwritten(module, node)
            if written is Written.UNLESS_ENDED:
                defaulted.add((module.path, name_around(module, node)))
        if self._order.nested:
            reason = WithoutG(
                f"`{self._order.nested[0]}` opens another context, which has its own `g`"
            )
            return Verdict(None, reason=reason)
        return self._judged(frozenset(defaulted))

    def _judged(self, defaulted: frozenset[tuple[str, str]]) -> Verdict:
        name, doubts = self._slot.name, [*self._doubts, *self._order.doubts]
        default = self._default()
        if any(self._is_copied(uses) for uses in self._uses):
            doubts.append(f"modules that import `{name}` see only the first value today")
        if defaulted:
            if default is None:
                return Verdict(None, reason=f"`{self._slot.name}` has several first values")
            if any((m.path, name_around(m, node)) in defaulted for m, node in self._changes):
                return Verdict(None, reason=f"code may change the first value of `{name}`")
            doubts.append(f"a request that does not write `{name}` then reads the first value")
        applicability: Applicability = "unsafe" if doubts else "safe"
        reason = doubts[0] if doubts else ""
        return Verdict("g", applicability, reason, None, default or "None", defaulted)

    def _default(self) -> str | None:
        values = {
            uses.module.segment(statement.value)
            for uses in self._uses
            for statement in uses.initial
            if statement.value is not None
        }
        return values.pop() if len(values) == 1 else None if values else "None"

    def _is_copied(self, uses: Uses) -> bool:
        """Whether a module copies the value: when it is imported, or before it may change."""
        at_import = [b for b in uses.imported if function_around(uses.module, b.node) is None]
        return bool(at_import) or (bool(uses.imported) and len(self._writes) > 1)

    def _read_at(self, module: Module, node: ast.expr) -> ast.AST:
        """Return where a read happens: at the import, for a name that a function imports."""
        if isinstance(node, ast.Name):
            for uses in self._uses:
                for binding in uses.imported if uses.module is module else ():
                    is_same = module.scopes.home_of(node) is module.scopes.scope_of(binding.node)
                    if is_same and function_around(module, binding.node) is not None:
                        return binding.node
        return node

    def _problem_of_write(self, module: Module, node: ast.expr) -> str | None:
        function, of = function_around(module, node), self._slot.name
        if function is None:
            return f"a module sets `{of}` at import time"
        if function in module.scopes.generators:
            return WithoutG(f"a generator sets `{of}`, maybe after the request")
        if self._project.is_test(module.path):
            return f"tests set `{of}`"
        self._order.look_around(module, node)
        if pushes_context(function):
            return WithoutG(f"`{name_around(module, node)}` pushes another context and sets `{of}`")
        name = name_around(module, node)
        runner = self._runner(module, function)
        if runner is not None:
            return WithoutG(f"`{name}` sets `{of}` in a {runner}, outside of the request")
        where = self._flow.reachability.of(module, node).where
        if where in (Where.OUTSIDE, Where.APP):
            return WithoutG(f"`{name}` sets `{of}` outside of requests")
        if self._needs_request(module, node):
            return None
        every = self._flow.every_caller.of(module, node).where
        if every is Where.OUTSIDE or Where.REQUEST not in (where, every):
            return WithoutG(f"`{name}` may run without an app context, which `g` needs")
        if every is not Where.REQUEST:
            self._doubts.append(
                WithoutG(f"`{name}` may run without an app context, which `g` needs")
            )
        return None

    def _needs_request(self, module: Module, node: ast.expr) -> bool:
        """Whether the statement that writes can only run in a request, since it reads that."""
        for each in certain_parts(statement_of(module, node)):
            if isinstance(each, ast.Attribute | ast.Subscript):
                value = self._flow.values.of(module, each.value)
                name = value.name if isinstance(value, Foreign) else ""
                if PROXIES.get(name) == "request":
                    return True
        return False

    def _unwritten(self, module: Module, node: ast.expr) -> Verdict:
        function, of = function_around(module, node), self._slot.name
        if function is None:
            reason = f"a module reads `{of}` at import time"
        else:
            name = getattr(function, "name", "a lambda")
            runner = self._runner(module, function)
            if self._project.is_test(module.path):
                reason = f"tests read `{of}`"
            elif runner is not None:
                reason = WithoutG(f"`{name}` reads `{of}` in a {runner}, outside of the request")
            elif function in module.scopes.generators:
                reason = WithoutG(f"the generator `{name}` reads `{of}`, maybe after the request")
            elif self._flow.reachability.of(module, node).where in (Where.OUTSIDE, Where.APP):
                reason = WithoutG(f"`{name}` reads `{of}` outside of requests")
            else:
                reason = ReadByOthers(
                    f"`{name}` may read `{of}` in a request that has not set `{of}`"
                )
        return Verdict(None, reason=reason, read=(module, node))

    def _runner(self, module: Module, function: FunctionNode) -> str | None:
        """Return what else than a request runs a function, if the project says so."""
        if isinstance(function, ast.Lambda):
            return None
        for home, reference in self._flow.reachability.references(module, function):
            call = home.scopes.call_with(reference)
            if call is not None:
                starter = STARTERS.get(self._flow.values.name_of(home, call.func))
                if starter is not None:
                    return starter.noun
        return None

    def _taken(self) -> str | None:
        """Return why the name is not free on `g`, if it is not."""
        name = self._slot.name
        taken = why_not_free_on_g(name, self._project)
        if taken is not None:
            return taken
        for other in self._others():
            if other.name == name:
                return f"another `{name}` would move to the same name on `g`"
        return None

    def _others(self) -> Iterator[Slot]:
        """Yield the other slots of the same name that would move."""
        for module in modules_with(self._slot, self._project):
            for store in stores_in(module, self._project):
                if store.slot.name == self._slot.name and store.slot != self._slot:
                    yield store.slot


def name_around(module: Module, node: ast.AST) -> str:
    """Return the name of the function that evaluates a node."""
    return getattr(function_around(module, node), "name", "lambda")


def _calls(function: FunctionNode) -> set[str]:
    """Return the names of what a function calls."""
    calls = (each.func for each in ast.walk(function) if isinstance(each, ast.Call))
    return {last_name(each) for each in calls}


def _part_of(module: Module, function: FunctionNode, node: ast.AST) -> ast.AST:
    """Return the node itself, or the nested function of `function` that holds it."""
    part = node
    for parent in module.scopes.ancestors(node):
        if parent is function:
            return part
        if isinstance(parent, FunctionNode):
            part = parent
    return part
