"""CTX201 and CTX202: jobs that need a context which their worker does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.codemod import Advice, Finding, Rule, Step
from flask_ctxfix.codemods.jobs import NAME
from flask_ctxfix.codemods.jobs.app_contexts import app_context_fix
from flask_ctxfix.codemods.jobs.base_tasks import base_task_fix, makers_in, one_maker
from flask_ctxfix.codemods.jobs.jobs import A_JOB, Facts, Job, jobs_in
from flask_ctxfix.codemods.jobs.providers import provided
from flask_ctxfix.context_flow import ContextFlow, Need, Use
from flask_ctxfix.context_flow.paths import AT_IMPORT, path_to
from flask_ctxfix.context_flow.said_uses import failing, listed, sentence, written
from flask_ctxfix.context_flow.start_paths import path_over
from flask_ctxfix.context_flow.starts import is_deferred
from flask_ctxfix.flask_facts import Runner
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project

_OF_APP = "`app` is the Flask app that you created, as `current_app` fails outside an app context"
_ADVICE: dict[Runner, Advice] = {
    "APScheduler": Advice("put the body of the job in `with app.app_context():`", notes=(_OF_APP,)),
    "Celery": Advice(
        "set `task_cls=` to a base class whose `__call__` opens `with app.app_context():`",
        notes=("as in `Celery(task_cls=FlaskTask)` in Flask's documentation of Celery",),
    ),
    "Dramatiq": Advice(
        "add a middleware that pushes `app.app_context()` around each message",
        notes=("a worker has several threads, so keep the context in a `threading.local`",),
    ),
    "Flask-APScheduler": Advice("put the body of the job in `with scheduler.app.app_context():`"),
    "Huey": Advice(
        "put the body of the task in `with app.app_context():`",
        notes=("or push a context in `@huey.pre_execute()`, and pop it in `@huey.post_execute()`",),
    ),
    "RQ": Advice(
        "put the call that runs the worker in `with app.app_context():`",
        notes=(
            "around the whole worker, teardown functions do not run after each job",
            "a subclass of `Worker` whose `perform_job` opens the context gives each job a context",
        ),
    ),
}
_ADVICE_CLASS = Advice("put the body of `run` in `with app.app_context():`", notes=(_OF_APP,))
_PASS: dict[Runner, str] = {
    "APScheduler": "to `add_job`",
    "Celery": "to `.delay`",
    "Dramatiq": "to `.send`",
    "Flask-APScheduler": "to `add_job`",
    "Huey": "in the call",
    "RQ": "to `enqueue`",
}


class JobWithoutAppContext(Rule):
    """A job uses the application, but nothing in the project opens an app context for jobs.

    Who is hurt

    Everyone who waits for the job: it fails in the worker, after the view has answered. Tests may
    pass, since jobs that run eagerly run in the context of their caller.

    How it fails

    A worker serves no requests and has no context, so `current_app`, the database, mail or
    templates fail in a job, or in what it calls:

        RuntimeError: Working outside of application context.

    Jobs of Celery, RQ, Dramatiq, Huey, APScheduler and Flask-APScheduler are searched. There is no
    finding where a class of tasks, a signal, a middleware, a hook, a worker's script or an
    extension anywhere in the project may give them a context.

    Before

        from celery import Celery
        from flask import Flask, current_app

        app = Flask(__name__)
        celery = Celery(app.name, broker="memory://")


        @celery.task
        def report(text):
            print(current_app.name, text)

    After

        from celery import Celery, Task
        from flask import Flask, current_app

        app = Flask(__name__)


        class FlaskTask(Task):
            def __call__(self, *args: object, **kwargs: object) -> object:
                with app.app_context():
                    return self.run(*args, **kwargs)


        celery = Celery(app.name, broker="memory://", task_cls=FlaskTask)


        @celery.task
        def report(text):
            print(current_app.name, text)

    What the fix changes

    Each Celery task runs in an app context of its own, as in Flask's documentation, and teardown
    functions run when it ends. Jobs of a scheduler and of Huey get such a context around their
    body.

    When there is no fix

    Open `with app.app_context():` in the job, with the application itself. For all jobs of a
    runner: give Celery a `task_cls`, Dramatiq a middleware and Huey hooks that open a context, and
    run the worker of RQ in one.

    Safe or unsafe

    Always unsafe: jobs that need no context get one, too, and so do tasks that run eagerly in a
    request.

    Versions

    The same on Flask 2.2 to 3.2. A task that runs eagerly in a request sees that request in its app
    context up to Flask 3.1, but not on Flask 3.2.

    Sources

    Flask's documentation, "Background Tasks with Celery"; flask-apscheduler issues 76 and 117; rq
    issue 538; huey issue 612.
    """

    code = "CTX201"
    name = "job-without-app-context"
    message = "a job uses the application, but nothing opens an app context for jobs"
    levels = ("error",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield what makes the tasks, if they can be given a context there; else the jobs."""
        yield from self._of_makers(module, project)
        seen: set[ast.AST] = set()
        for job, use in losing(module, project, Need.APP):
            if needs_class(job) and one_maker(project) is not None:
                continue
            function = job.start.function
            if function is None or function.node not in seen:
                seen.update({function.node} if function is not None else ())
                fix = app_context_fix(job, project)
                advice = fix.message if fix is not None else _advice(job)
                place = f"in {A_JOB[job.runner]}"
                rests = (f"{place}, which has no app context", f"{place} without app context")
                message = sentence(use, *rests)
                node = job.start.target
                path = way_of(job, use, project)
                yield self.finding(module, "error", node, message, advice, fix, path)

    def _of_makers(self, module: Module, project: Project) -> Iterator[Finding]:
        """Yield the Celery of the project, if the application is at hand where it is made."""
        makers = makers_in(module, project)
        if not makers or one_maker(project) != module.path:
            return
        path = next(iter(celery_proofs(project)), None)
        fix = base_task_fix(module, project, makers[0])
        if path is not None and fix is not None:
            message = "tasks of this Celery app need an app context, but nothing opens one"
            yield self.finding(module, "error", makers[0].func, message, fix.message, fix, path)


class JobReadsRequest(Rule):
    """A job reads the request, but its worker has no request context.

    Who is hurt

    The user whose request it was: the job fails in the worker, after the view has answered. Tests
    may pass, since jobs that run eagerly run in the request of their caller.

    How it fails

    The worker is another process, or at least another thread, and the request is over when the job
    runs. `request`, `session`, or anything else that needs a request, fails in it:

        RuntimeError: Working outside of request context.

    `current_user` is None there, and its attributes raise AttributeError.

    Before

        from celery import Celery
        from flask import request

        celery = Celery("shop", broker="memory://")


        @celery.task
        def audit(document):
            print(document, request.remote_addr)

    When there is no fix

    Only you know which values the job needs, so this is only reported. Read them in the view, and
    pass them to the job as arguments.

    Versions

    The same on Flask 2.2 to 3.2.

    Sources

    Flask's documentation, "Background Tasks with Celery" and "Passing Data to Tasks".
    """

    code = "CTX202"
    name = "job-reads-request"
    message = "a job reads the request, but a worker has no request context"
    levels = ("error",)

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        """Yield the jobs that read a request."""
        seen: set[ast.AST | None] = set()
        for job, use in losing(module, project, Need.REQUEST):
            function = job.start.function
            node = function.node if function is not None else None
            if node in seen:
                continue
            seen.add(node)
            message = sentence(use, f"in {A_JOB[job.runner]}, which has no request context")
            value = listed([written(use)])
            advice = f"read {value} in the view, and pass the result {_PASS[job.runner]}"
            path = way_of(job, use, project)
            yield self.finding(module, "error", job.start.target, message, advice, None, path)


def needs_class(job: Job) -> bool:
    """Whether a class of tasks, given to Celery, would open the context of a job."""
    return job.runner == "Celery" and not job.is_class


def _advice(job: Job) -> Advice:
    return _ADVICE_CLASS if job.is_class else _ADVICE[job.runner]


def losing(module: Module, project: Project, need: Need) -> Iterator[tuple[Job, Use]]:
    """Yield the jobs of a module that use what needs that context, which nothing provides."""
    for job in jobs_in(module, project):
        function = job.start.function
        if function is not None and is_deferred(function):
            continue
        uses = ContextFlow.of(project).needs.of(job.start.value).uses
        use = next((use for use in uses if use.need is need and _counts(use)), None)
        if use is not None and provided(job.runner, project, module.path) < need:
            yield job, use


def _counts(use: Use) -> bool:
    """Whether a use is one of each run: what a callee may do depends on what it is given.

    URLs need no request where the server has a name, which may be set where no code shows it.
    """
    if use.need is Need.APP:
        return True
    return not use.of.endswith(".url_for") and (use.is_certain or use.span is not None)


def way_of(job: Job, use: Use, project: Project) -> tuple[Step, ...]:
    """Return the way from a job to a use, or from what queues it."""
    if isinstance(job.start.call, ast.Call):
        return path_over(job.start, project, then=failing(use))
    return path_to(AT_IMPORT, job.start.step, then=failing(use))


def celery_proofs(project: Project) -> list[tuple[Step, ...]]:
    """Return the ways from Celery's tasks to what they lack, one for each task."""
    surveys = project.surveys.get(NAME, [])
    return [proof for facts in surveys if isinstance(facts, Facts) for proof in facts.proofs]
