"""Context flow: which context code needs, what guards it, and where it runs."""

from __future__ import annotations

from flask_ctxfix.context_flow.evaluation import Values
from flask_ctxfix.context_flow.guards import Guards
from flask_ctxfix.context_flow.made_contexts import Need
from flask_ctxfix.context_flow.needs import Needs
from flask_ctxfix.context_flow.reachability import Reach, Reachability, Where
from flask_ctxfix.context_flow.summaries import Summary, Use
from flask_ctxfix.context_flow.tables import Table
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
        self.reachability = Reachability(project, self.values, self.guards, self.table)
        self.every_caller = Reachability(
            project, self.values, self.guards, self.table, is_thorough=True
        )

    @classmethod
    def of(cls, project: Project) -> ContextFlow:
        """Return the one of a project."""
        return project.memo("context flow", lambda: cls(project))
