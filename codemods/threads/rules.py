"""The rules of the family, and what they have to know of a file before they judge others."""

from __future__ import annotations

from flask_ctxfix.codemod import Survey
from flask_ctxfix.codemods.threads.async_tasks import TaskLostInAsyncView
from flask_ctxfix.codemods.threads.lost_contexts import ThreadNeedsApp, ThreadReadsRequest
from flask_ctxfix.codemods.threads.passed_proxies import ProxyPassedToThread
from flask_ctxfix.codemods.threads.shared_copies import SharedContextCopy
from flask_ctxfix.codemods.threads.unsafe_copies import UnsafeContextCopy
from flask_ctxfix.context_flow.starts import starting_names
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

RULES = (
    ThreadReadsRequest(),
    ThreadNeedsApp(),
    ProxyPassedToThread(),
    SharedContextCopy(),
    UnsafeContextCopy(),
    TaskLostInAsyncView(),
)


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Lead to the files that start something by what this one defines."""
    names = starting_names(module, project)
    return Survey(None, frozenset(frozenset({name}) for name in names))
