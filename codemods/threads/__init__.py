"""Threads and tasks that lose the context: CTX101 to CTX106."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod, Survey
from flask_ctxfix.codemods.threads.async_tasks import TaskLostInAsyncView
from flask_ctxfix.codemods.threads.lost_contexts import ThreadNeedsApp, ThreadReadsRequest
from flask_ctxfix.codemods.threads.passed_proxies import ProxyPassedToThread
from flask_ctxfix.codemods.threads.shared_copies import SharedContextCopy
from flask_ctxfix.codemods.threads.starts import starting_decorators
from flask_ctxfix.codemods.threads.unsafe_copies import UnsafeContextCopy
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project


def survey(module: Module, project: Project, target: TargetVersion) -> Survey:
    """Lead to the files that use a decorator of this module which starts what it decorates."""
    names = starting_decorators(module, project)
    return Survey(None, frozenset(frozenset({name}) for name in names))


CODEMOD = Codemod(
    name="threads",
    rules=(
        ThreadReadsRequest(),
        ThreadNeedsApp(),
        ProxyPassedToThread(),
        SharedContextCopy(),
        UnsafeContextCopy(),
        TaskLostInAsyncView(),
    ),
    words=(
        b"Thread",
        b"Timer(",
        b"start_new_thread",
        b"Executor",
        b".submit(",
        b"spawn",
        b"Greenlet",
        b"start_background_task",
        b"Process(",
        b"delayed(",
        b"copy_current_request_context",
        b"copy_context",
        b".send(current_app",
        b".send(flask.current_app",
        b".send_async(current_app",
        b"run_in_executor",
        b"create_task",
        b"ensure_future",
    ),
    in_tests=False,
    survey=survey,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "ThreadsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
