"""Which context a function needs when it runs where there is none, and what proves it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.expression_uses import State
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import NEED_OF, Need
from flask_ctxfix.context_flow.server_name import has_server_name
from flask_ctxfix.context_flow.statement_uses import StatementUses
from flask_ctxfix.context_flow.summaries import SUMMARY, Summary, Use
from flask_ctxfix.context_flow.tables import Table
from flask_ctxfix.context_flow.values import Class, Foreign, Function, Instance, Partial, Value
from flask_ctxfix.flask_facts import NEEDS
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.steps import step_at_name


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
        return self._table.ask(value.module, SUMMARY, key, lambda: self._scan(value))

    def of_expression(self, module: Module, node: ast.GeneratorExp) -> Summary:
        """Return what is needed as long as a generator expression is read.

        Its first iterable is not part of that: it is evaluated where the expression stands.
        """
        if module.scopes.function_of(node) is None:
            return Summary()
        scan = StatementUses(self, module)
        scan.iteration(node, State())
        return scan.summary()

    def of_statements(self, module: Module, statements: Iterable[ast.stmt]) -> Summary:
        """Return what happens when some statements run one after the other without any context."""
        body = tuple(statements)

        def compute() -> Summary:
            scan = StatementUses(self, module)
            scan.block(body, State())
            return scan.summary()

        return self._table.ask(module, SUMMARY, ("summary of statements", body), compute)

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
        scan = StatementUses(self, function.module, function.given)
        body = function.node.body
        if isinstance(body, list):
            scan.block(body, State())
        else:
            scan.visit(body, State())
        return scan.summary()
