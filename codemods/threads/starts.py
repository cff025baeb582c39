"""Where a module starts work that runs without the context of its caller."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Foreign, Value
from flask_ctxfix.flask_facts import STARTERS, Starter
from flask_ctxfix.project import Module, Project
from flask_ctxfix.scopes import FunctionNode

_NAMES = frozenset(name.rpartition(".")[2] for name in STARTERS)
_REPEATED = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """One call that starts `target`, which stands for `value`, elsewhere."""

    module: Module
    call: ast.Call
    starter: Starter
    target: ast.expr
    value: Value | None

    @property
    def arguments(self) -> Iterator[ast.expr]:
        """The expressions that are given to the target."""
        if self.starter.passing == "rest":
            yield from self.call.args[self.starter.position + 1 :]
            yield from (each.value for each in self.call.keywords if each.value is not self.target)
            return
        if self.starter.passing == "each":
            return
        given = {each.arg: each.value for each in self.call.keywords}
        positional = self.call.args[self.starter.arguments : self.starter.arguments + 2]
        for value in (*positional, given.get("args"), given.get("kwargs"), given.get("kwds")):
            if isinstance(value, ast.Tuple | ast.List):
                yield from value.elts
            elif isinstance(value, ast.Dict):
                yield from value.values

    def is_repeated(self, function: FunctionNode) -> bool:
        """Whether the call may start a function that is defined once several times."""
        for parent in self.module.scopes.ancestors(self.call):
            if isinstance(parent, _REPEATED):
                return function not in self.module.scopes.ancestors(self.call) and not any(
                    each is parent for each in self.module.scopes.ancestors(function)
                )
        return False


def starts_in(module: Module, project: Project) -> list[Start]:
    """Return the calls of a module that start something elsewhere."""
    return module.memo("starts", lambda: list(_starts(module, project)))


def _starts(module: Module, project: Project) -> Iterator[Start]:
    values = ContextFlow.of(project).values
    names = _local_names(module)
    for call in module.scopes.nodes(ast.Call):
        called = call.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name not in (_NAMES if isinstance(called, ast.Attribute) else names):
            continue
        value = values.of(module, called)
        starter = STARTERS.get(value.name) if isinstance(value, Foreign) else None
        target = _target(call, starter) if starter is not None else None
        if starter is not None and target is not None:
            yield Start(module, call, starter, target, values.of(module, target))


def _local_names(module: Module) -> frozenset[str]:
    """Return the names that imports bind to what may start something."""
    imports = module.scopes.nodes(ast.ImportFrom)
    aliases = (alias for node in imports for alias in node.names)
    return frozenset(alias.asname or alias.name for alias in aliases if alias.name in _NAMES)


def _target(call: ast.Call, starter: Starter) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == starter.keyword:
            return keyword.value
    if len(call.args) > starter.position:
        argument = call.args[starter.position]
        before = call.args[: starter.position]
        if not any(isinstance(each, ast.Starred) for each in (*before, argument)):
            return argument
    return None
