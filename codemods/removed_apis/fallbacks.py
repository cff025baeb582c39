"""Handlers of an import that fails which leave a program that works without what was imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from flask_ctxfix import flask_facts
from flask_ctxfix.codemods.removed_apis.tested import none_test
from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.caught import catches, catches_import_error, names_of
from flask_ctxfix.context_flow.values import Foreign
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding, FunctionNode, Scope
from flask_ctxfix.source import Span
from flask_ctxfix.statements import before_in, block_of, ends
from flask_ctxfix.syntax import is_falsy


def works_without(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether the program works where what `node` imports, or looks up in Flask, is not there.

    It does if a handler around `node` catches that, does something else instead, and gives each
    name that is used later a value; or if what uses the name asks for it, and does something else.
    """
    child = node
    for parent in module.scopes.ancestors(node):
        if isinstance(parent, FunctionNode):
            return False
        if isinstance(parent, ast.Try) and child in parent.body:
            handler = _handler(module, project, parent, node)
            if handler is not None:
                return _Fallback(module, project, parent, handler).works()
        child = parent
    return False


def _handler(
    module: Module, project: Project, guard: ast.Try, node: ast.AST
) -> ast.ExceptHandler | None:
    """Return the first handler that catches what happens where Flask has no such name."""
    for handler in guard.handlers:
        if isinstance(node, ast.Attribute):
            if catches(names_of(module, project, handler.type), "AttributeError"):
                return handler
        elif catches_import_error(module, project, handler):
            return handler
    return None


class _Fallback:
    """A ``try`` that fails for want of a removed name, and the handler that goes on from there."""

    def __init__(
        self, module: Module, project: Project, guard: ast.Try, handler: ast.ExceptHandler
    ) -> None:
        self._module = module
        self._project = project
        self._guard = guard
        self._handler = handler
        self._skipped = [module.span(each) for each in (*guard.body, *guard.orelse)]
        self._falsy: set[tuple[Scope, str]] = set()

    def works(self) -> bool:
        if self._names_stack(self._handler.body) or isinstance(self._handler.body[-1], ast.Raise):
            return False
        lost: list[ast.Name] = []
        kept = False
        for scope, name, values in self._bound():
            reads = [each for each in scope.reads.get(name, ()) if not self._is_skipped(each)]
            empty = bool(values) and all(_is_empty(each) for each in values)
            if empty:
                self._falsy.add((scope, name))
            if not values or (empty and not _is_false(values)):
                lost += reads
            else:
                kept = kept or bool(reads)
        if not all(self._is_replaced(each) for each in lost):
            return False
        return bool(lost) or kept or any(map(self._does_something, self._handler.body))

    def _bound(self) -> Iterator[tuple[Scope, str, list[Binding]]]:
        """Yield the names that are bound where it fails, and what binds them all the same."""
        for scope in self._module.scopes.every:
            for name, bindings in scope.bindings.items():
                if any(map(self._is_binding_skipped, bindings)):
                    yield scope, name, [each for each in bindings if self._remains(each)]

    def _is_binding_skipped(self, binding: Binding) -> bool:
        """Whether a name is bound only where nothing fails, in the same run of the code."""
        owner = self._module.scopes.function_of
        return owner(binding.node) is owner(self._guard) and self._is_skipped(binding.node)

    def _remains(self, binding: Binding) -> bool:
        """Whether a name has this value behind the handler."""
        if self._is_skipped(binding.node):
            return False
        parent = self._module.scopes.parents[self._guard]
        places = (self._handler, *before_in(parent, self._guard))
        span = self._module.span(binding.node)
        if not any(self._module.span(each).holds(span) for each in places):
            return False
        origins = self._project.binding_origins(self._module, binding)
        return not _are_stacks(origins)

    def _is_skipped(self, node: ast.AST) -> bool:
        return _holds(self._skipped, self._module.span(node))

    # --- what is done instead ----------------------------------------------------------------

    def _is_replaced(self, read: ast.Name) -> bool:
        """Whether a name that has no value is read behind a question for it, or is the question.

        The branch for the other answer has to do something: one that gives None goes on as if no
        context were active.
        """
        child: ast.AST = read
        for parent in self._module.scopes.ancestors(read):
            if isinstance(parent, ast.If | ast.IfExp):
                outcome = self._outcome(parent.test)
                reached, other = parent.body, parent.orelse
                if outcome is True:
                    reached, other = other, reached
                if outcome is not None and not _is_in(child, other):
                    return self._is_alternative(parent, other, reached)
            for earlier in before_in(parent, child):
                if isinstance(earlier, ast.If) and self._outcome(earlier.test) is True:
                    if ends(earlier.body):
                        return any(map(self._does_something, earlier.body))
            if isinstance(parent, FunctionNode):
                return False
            child = parent
        return False

    def _is_alternative(
        self,
        choice: ast.If | ast.IfExp,
        taken: ast.expr | Sequence[ast.stmt],
        left: ast.expr | Sequence[ast.stmt],
    ) -> bool:
        """Whether the branch that is taken, or what follows it, does what the other would."""
        if isinstance(taken, ast.expr):
            return not is_falsy(taken) and not self._names_stack([taken])
        if not taken and not isinstance(left, ast.expr) and ends(left):
            block = block_of(self._module.scopes.parents[choice], choice)
            taken = block[block.index(choice) + 1 :] if isinstance(choice, ast.stmt) else []
        return any(map(self._does_something, taken)) and not self._names_stack(taken)

    def _does_something(self, statement: ast.stmt) -> bool:
        """Whether a statement is more than a way to say that there is nothing."""
        if isinstance(statement, ast.Expr):
            value = statement.value
            return not isinstance(value, ast.Constant) and not self._is_log(value)
        if isinstance(statement, ast.Return | ast.Assign | ast.AnnAssign):
            return statement.value is not None and not is_falsy(statement.value)
        return not isinstance(statement, ast.Pass | ast.Raise | ast.Break | ast.Continue)

    def _is_log(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        called = ContextFlow.of(self._project).values.of(self._module, node.func)
        return isinstance(called, Foreign) and flask_facts.is_report(called.name)

    def _names_stack(self, block: Iterable[ast.AST]) -> bool:
        """Whether code needs a removed stack, outside of a ``try`` for its absence."""
        pending = list(block)
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Try) and any(
                catches_import_error(self._module, self._project, each) for each in node.handlers
            ):
                pending += [*node.handlers, *node.finalbody]
                continue
            if isinstance(node, ast.ImportFrom):
                if any(alias.name in flask_facts.REMOVED_STACKS for alias in node.names):
                    return True
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                if _are_stacks(self._project.origins(self._module, node)):
                    return True
            pending += ast.iter_child_nodes(node)
        return False

    # --- questions ---------------------------------------------------------------------------

    def _outcome(self, test: ast.expr) -> bool | None:
        """Return what a condition is where the names have the values of the handler."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._outcome(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            decisive = isinstance(test.op, ast.Or)
            outcomes = [self._outcome(each) for each in test.values]
            return decisive if decisive in outcomes else None
        tested = none_test(test)
        if tested is not None:
            return not tested[1] if self._is_falsy_name(tested[0]) else None
        return False if self._is_falsy_name(test) else None

    def _is_falsy_name(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Name):
            return False
        return (self._module.scopes.home_of(node), node.id) in self._falsy


def _are_stacks(origins: Iterable[str]) -> bool:
    names = {flask_facts.name_of(origin) for origin in origins if origin != NONE}
    return bool(names) and names <= flask_facts.REMOVED_STACKS.keys()


def _holds(spans: Iterable[Span], inner: Span) -> bool:
    return any(span.holds(inner) for span in spans)


def _is_empty(binding: Binding) -> bool:
    return binding.value is not None and is_falsy(binding.value)


def _is_false(values: Sequence[Binding]) -> bool:
    """Whether a name is a flag that says no, and stands for nothing that is missing."""
    return all(getattr(each.value, "value", None) is False for each in values)


def _is_in(child: ast.AST, part: ast.expr | Sequence[ast.stmt]) -> bool:
    return child is part if isinstance(part, ast.expr) else child in part
