"""Threads and tasks that lose the context: CTX101 to CTX103."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.codemods.threads.lost_contexts import ThreadNeedsApp, ThreadReadsRequest
from flask_ctxfix.codemods.threads.passed_proxies import ProxyPassedToThread

CODEMOD = Codemod(
    name="threads",
    rules=(ThreadReadsRequest(), ThreadNeedsApp(), ProxyPassedToThread()),
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
    ),
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "ThreadsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
