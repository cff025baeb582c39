"""The bindings of a file that go with fixes, because nothing uses their names any more."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from flask_ctxfix.codemod import (
    Edit,
    KeepBlock,
    Need,
    RemoveArgument,
    RemoveDecorator,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
)
from flask_ctxfix.left_imports import exported_names
from flask_ctxfix.source import Span

if TYPE_CHECKING:
    from flask_ctxfix.module import Module
    from flask_ctxfix.scopes import Binding, Scope

_REMOVING = (RemoveArgument, RemoveDecorator, RemoveStatement, ReplaceStatement)


class Retired:
    """The bindings that go if nothing uses their names after all edits of a file."""

    def __init__(
        self, module: Module, edits: Sequence[Edit], needs: Sequence[Need], retires: set[Span]
    ) -> None:
        self._module = module
        self._edits = edits
        self._needs = needs
        self._retired = self._bindings(retires)

    def _bindings(self, retires: set[Span]) -> list[Binding]:
        rows = {self._module.position(span.start)[0] for span in retires}
        return [
            binding
            for scope in self._module.scopes.every
            for bindings in scope.bindings.values()
            for binding in bindings
            if binding.kind in {"import", "assign"}
            and _row(binding) in rows
            and self._module.span(binding.alias or binding.node) in retires
        ]

    def add(self, imports: Iterable[Binding]) -> None:
        """Let imports go as well, if nothing uses their names."""
        self._retired += [each for each in imports if each not in self._retired]

    def dead(self) -> list[Binding]:
        """Return the retired bindings that nothing reads or a need replaces, to a fixpoint."""
        dead: list[Binding] = []
        while True:
            gone = [self._module.span(binding.node) for binding in dead]
            more = [
                binding
                for binding in self._retired
                if binding not in dead and not self._is_read(binding, gone)
            ]
            if not more:
                return dead
            dead += more

    def _is_read(self, binding: Binding, gone: Sequence[Span]) -> bool:
        scope = self._home(binding)
        siblings = scope.bindings[binding.name]
        if any(other not in self._retired for other in siblings):
            return True
        if any(need.code is not None and need.local == binding.name for need in self._needs):
            return False
        if scope.parent is None and binding.name in exported_names(self._module):
            return True
        reads = (self._module.span(read) for read in scope.reads.get(binding.name, ()))
        return any(
            not self._is_consumed(read) and not any(span.holds(read) for span in gone)
            for read in reads
        )

    def _home(self, binding: Binding) -> Scope:
        return next(s for s in self._module.scopes.every if binding in s.bindings[binding.name])

    def _is_consumed(self, read: Span) -> bool:
        for edit in self._edits:
            if isinstance(edit, ReplaceExpression):
                if edit.span.holds(read) and not any(h.holds(read) for _, h in edit.holes):
                    return True
            elif isinstance(edit, KeepBlock) and edit.span.holds(read):
                if not any(kept.holds(read) for kept in self._remaining(edit)):
                    return True
            elif isinstance(edit, _REMOVING) and edit.span.holds(read):
                return True
        return False

    def _remaining(self, edit: KeepBlock) -> Iterator[Span]:
        """Yield where the statements stand that are left of a compound statement."""
        scopes = self._module.scopes
        nodes = (*scopes.nodes(ast.With), *scopes.nodes(ast.If), *scopes.nodes(ast.Try))
        for node in nodes:
            if self._module.span(node) == edit.span:
                if edit.block == "handler" and isinstance(node, ast.Try):
                    yield from map(self._module.span, node.handlers[0].body)
                else:
                    yield from map(self._module.span, getattr(node, edit.block))


def _row(binding: Binding) -> int:
    node: ast.stmt | ast.alias = binding.alias or binding.node  # type: ignore[assignment]
    return node.lineno
