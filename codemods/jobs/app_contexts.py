"""The fix that opens an app context in the body of a job."""

from __future__ import annotations

import ast

from flask_ctxfix.codemod import Fix, WrapBody
from flask_ctxfix.codemods.jobs.jobs import Job, jobs_in
from flask_ctxfix.context_flow import ContextFlow, Need
from flask_ctxfix.context_flow.made_contexts import makes_context
from flask_ctxfix.flask_facts import Runner
from flask_ctxfix.insertion_points import can_be_wrapped
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import may_go_on
from flask_ctxfix.obligations.only_use import is_only_named_at, named_at
from flask_ctxfix.obligations.which_application import application_seen
from flask_ctxfix.project import Project

_TEARS_DOWN = (
    "teardown functions, such as closing a database session, run when this context ends",
)
_ALL_CALLS = "every run opens a new app context, even if the job needs none or already has one"
# Runners whose documentation has no other place for a context.
_WRAPPED: frozenset[Runner] = frozenset({"APScheduler", "Flask-APScheduler", "Huey"})


def app_context_fix(job: Job, project: Project) -> Fix | None:
    """Return the fix, if the job is used as one only and sees an application."""
    start = job.start
    module, function = start.module, start.function
    if job.runner not in _WRAPPED or function is None or function is not start.value:
        return None
    node = function.node
    if (
        not isinstance(node, ast.FunctionDef)
        or function.module is not module
        or may_go_on(start, project)
    ):
        return None
    if not can_be_wrapped(module, node):
        return None
    if any(isinstance(e, ast.Call) and makes_context(e) is not Need.NONE for e in ast.walk(node)):
        return None
    uses = ContextFlow.of(project).needs.of(start.value).uses
    if any(use.attribute == "app_context" for use in uses):
        return None
    app = _application(job, project, node)
    if app is None or not _is_only_job(job, project, node):
        return None
    edit = WrapBody(module.span(node), f"with {app}.app_context():")
    changes = f"put the body of `{node.name}` in `with {app}.app_context():`"
    return Fix(changes, (edit,), notes=_TEARS_DOWN, unsafe_reason=_ALL_CALLS)


def _application(job: Job, project: Project, node: ast.FunctionDef) -> str | None:
    """Return how the body of a job writes the application."""
    module = job.start.module
    scope = module.scopes.opened_by(node)
    if job.runner != "Flask-APScheduler":
        return application_seen(module, project, scope)
    target = job.start.target
    maker = job.start.call if isinstance(job.start.call, ast.Call) else target
    called = maker.func if isinstance(maker, ast.Call) else maker
    scheduler = called.value if isinstance(called, ast.Attribute) else None
    if not isinstance(scheduler, ast.Name):
        return None
    is_seen = scope.home(scheduler.id) is module.scopes.home_of(scheduler)
    return f"{scheduler.id}.app" if is_seen else None


def _is_only_job(job: Job, project: Project, node: ast.FunctionDef) -> bool:
    """Whether nothing runs a function but the runner, so that no context is there already."""
    module = job.start.module
    jobs = [each.start for each in jobs_in(module, project)]
    if [each.call for each in jobs].count(node) != len(node.decorator_list):
        return False
    if isinstance(module.scopes.parents.get(node), ast.ClassDef):
        return False
    if job.runner == "Huey":
        return not any(_runs_here(module, read) for read in named_at(module, node))
    return is_only_named_at(module, project, node, {each.target for each in jobs})


def _runs_here(module: Module, read: ast.expr) -> bool:
    """Whether a task of Huey is run where it is named, rather than enqueued."""
    parent = module.scopes.parents.get(read)
    return isinstance(parent, ast.Attribute) and parent.attr in {"call_local", "func"}
