"""What all questions for values rest on, and how answers that are undecided become decided."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

from flask_ctxfix import flask_facts
from flask_ctxfix.context_flow.setters import Setter, setters_of
from flask_ctxfix.context_flow.tables import QuestionKind, Table
from flask_ctxfix.context_flow.values import Foreign, Known, Value
from flask_ctxfix.module import Module
from flask_ctxfix.origins import NONE, UNKNOWN
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Binding
from flask_ctxfix.syntax import is_constant_none


class Undecided(NamedTuple):
    """The value of what is still being evaluated, which may become any."""


UNDECIDED = Undecided()
Evaluated = Value | Undecided | None


def agreed(values: Iterable[Evaluated]) -> Evaluated:
    """Return the one value that all of `values` are, as far as they are decided."""
    found = set(values)
    if len(found) > 1:
        found.discard(UNDECIDED)
    return found.pop() if len(found) == 1 else None


def decided(value: Evaluated) -> Value | None:
    """Return a value; None also if only its own value would tell."""
    return None if isinstance(value, Undecided) else value


VALUE: QuestionKind[Evaluated] = QuestionKind(
    "value", UNDECIDED, lambda one, other: one if one == other else None
)


class ValueQuestions:
    """What all questions for values share. Subclasses say what `_of` and `_bound` do."""

    def __init__(self, project: Project, table: Table) -> None:
        self.project = project
        self._table = table
        self._named: dict[str, Foreign] = {}

    def of(self, module: Module, node: ast.expr, given: Known = ()) -> Value | None:
        """Return what `node` stands for where parameters have the values `given`."""
        return decided(self._of(module, node, given))

    def name_of(self, module: Module, node: ast.expr) -> str:
        """Return the name of what comes from outside of the project; empty for anything else."""
        value = self.of(module, node)
        return value.name if isinstance(value, Foreign) else ""

    def _of(self, module: Module, node: ast.expr, given: Known = ()) -> Evaluated:
        """Return what an expression stands for, as far as that is decided."""
        raise NotImplementedError

    def _bound(self, module: Module, binding: Binding, given: Known) -> Evaluated:
        """Return what a binding gives its name."""
        raise NotImplementedError

    def _ask(self, module: Module, key: Hashable, compute: Callable[[], Evaluated]) -> Evaluated:
        return self._table.ask(module, VALUE, key, compute)

    def _asked(
        self,
        module: Module,
        node: ast.expr,
        given: Known,
        compute: Callable[[Module, Any, Known], Evaluated],
    ) -> Evaluated:
        """Return the value of what is made of several others, or of others that lead back here."""
        key = ("value", node, given) if given else node
        return self._ask(module, key, lambda: compute(module, node, given))

    def _foreign(self, origin: str) -> Foreign:
        """Return what a qualified name from outside of the project stands for."""
        found = self._named.get(origin)
        if found is None:
            found = self._named[origin] = Foreign(flask_facts.canonical_name(origin))
        return found

    def _named_elsewhere(self, module: Module, node: ast.expr) -> Foreign | None:
        origins = self.project.origins(module, node) - {NONE}
        return self._one_foreign(origins)

    def _one_foreign(self, origins: Iterable[str]) -> Foreign | None:
        """Return what qualified names have in common, if it is one and known."""
        values = {self._foreign(origin) for origin in origins}
        value = values.pop() if len(values) == 1 else None
        return None if value is None or value.name == UNKNOWN else value

    def _agreed_on(self, bindings: list[tuple[Module, Binding]], given: Known) -> Evaluated:
        """Return what the bindings of a name agree on, with what other modules set it to."""
        values = [
            self._bound(owner, binding, given)
            for owner, binding in bindings
            if not is_none(binding)
        ]
        owners = {
            (owner.path, binding.name)
            for owner, binding in bindings
            if binding.alias is None and owner.scopes.module.binds(binding.name)
        }
        return agreed([*values, *(v for path, name in owners for v in self._set_in(path, name))])

    def _set_in(self, path: str, name: str) -> Iterator[Evaluated]:
        """Yield what code elsewhere sets a name of the module at `path` to."""
        for setter in setters_of(self.project, name):
            if self.project.module_of(setter.module, setter.target) == path:
                yield self._set_to(setter)

    def _set_to(self, setter: Setter) -> Evaluated:
        return None if setter.value is None else self._of(setter.module, setter.value)


def is_none(binding: Binding) -> bool:
    """Whether a binding gives its name the constant None."""
    return binding.value is not None and is_constant_none(binding.value)
