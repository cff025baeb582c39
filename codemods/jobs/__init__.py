"""Jobs that need what their worker does not have: CTX201 to CTX203."""

from __future__ import annotations

from collections.abc import Iterator

from flask_ctxfix.codemod import Codemod, Survey
from flask_ctxfix.codemods.jobs.job_arguments import ProxyAsJobArgument
from flask_ctxfix.codemods.jobs.jobs import jobs_in
from flask_ctxfix.codemods.jobs.lost_contexts import (
    JobReadsRequest,
    JobWithoutAppContext,
    losing,
    needs_class,
    way_of,
)
from flask_ctxfix.context_flow import Need
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Collect how tasks of Celery lose the application, and lead to what hands over to jobs."""
    lost = (each for each in losing(module, project, Need.APP) if needs_class(each[0]))
    proofs = tuple(way_of(job, use) for job, use in lost)
    return Survey(proofs, frozenset(_leads(module, project)))


def _leads(module: Module, project: Project) -> Iterator[frozenset[str]]:
    """Yield the words of files that may hand a proxy to a job of this module."""
    for job in jobs_in(module, project):
        function = job.start.function
        if function is not None and function.module is module:
            yield frozenset({function.name})


CODEMOD = Codemod(
    name="jobs",
    rules=(JobWithoutAppContext(), JobReadsRequest(), ProxyAsJobArgument()),
    words=(
        b".apply_async(",
        b".delay(",
        b".enqueue",
        b".scheduled_job",
        b".task",
        b"Celery(",
        b"add_job(",
        b"celery",
        b"dramatiq",
        b"huey",
        b"periodic_task",
        b"rq.decorators",
        b"send_task(",
        b"shared_task",
    ),
    in_tests=False,
    survey=survey,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "JobsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
