"""Context flow: which context code needs, what guards it, and where it runs."""

from __future__ import annotations

from collections import Counter

from flask_ctxfix.context_flow.callers import Callers
from flask_ctxfix.context_flow.entries import Entries, Where
from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.module_names import functions_of
from flask_ctxfix.context_flow.needs import Needs
from flask_ctxfix.context_flow.reachability import Reach, Reachability
from flask_ctxfix.context_flow.references import References
from flask_ctxfix.context_flow.summaries import Summary, Use
from flask_ctxfix.context_flow.tables import Table
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

__all__ = ["ContextFlow", "Need", "Reach", "Summary", "Use", "Where"]


class ContextFlow:
    """The three questions about a project, answered from one set of values.

    `every_caller` answers the third one also for what Flask is not alone to call.
    """

    def __init__(self, project: Project) -> None:
        self.table = Table()
        self.values = Values(project, self.table)
        self.guards = Guards(project, self.values, self.table)
        self.needs = Needs(project, self.values, self.guards, self.table)
        self.entries = Entries(project, self.values)
        references = References(project, self.values, self.table)
        self.callers = Callers(
            project, self.values, self.guards, self.entries, references, self.table
        )
        of_everything = (project, self.values, self.guards, self.table, self.entries, self.callers)
        self.reachability = Reachability(*of_everything)
        self.every_caller = Reachability(*of_everything, is_thorough=True)

    def count(self, module: Module) -> Counter[str]:
        """Count the functions that run nobody knows where, by the reason; under none, others."""
        return Counter(
            self.reachability.of_function(module, each).reason for each in functions_of(module)
        )

    @classmethod
    def of(cls, project: Project) -> ContextFlow:
        """Return the one of a project."""
        return project.memo("context flow", lambda: cls(project))
