"""The rules of the family, and what they have to know of a file before they judge others."""

from __future__ import annotations

from flask_ctxfix.codemod import Survey
from flask_ctxfix.codemods.jobs.job_arguments import ProxyAsJobArgument
from flask_ctxfix.codemods.jobs.jobs import Facts, names_of_jobs
from flask_ctxfix.codemods.jobs.lost_contexts import (
    JobReadsRequest,
    JobWithoutAppContext,
    losing,
    needs_class,
    way_of,
)
from flask_ctxfix.context_flow import Need
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

RULES = (JobWithoutAppContext(), JobReadsRequest(), ProxyAsJobArgument())


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Collect the jobs and how those of Celery lose the application; lead to what calls them."""
    lost = (each for each in losing(module, project, Need.APP) if needs_class(each[0]))
    proofs = tuple(way_of(job, use, project) for job, use in lost)
    names = names_of_jobs(module, project)
    return Survey(Facts(names, proofs), frozenset(frozenset({name}) for name in names))
