"""Threads and tasks that lose the context: CTX101 to CTX106."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_facts import EXECUTOR_CALLS, SENDING, STARTERS, TASK_MAKERS, spelled

CODEMOD = Codemod(
    name="threads",
    home=f"{__name__}.rules",
    names=spelled((*STARTERS, *EXECUTOR_CALLS, *TASK_MAKERS))
    | SENDING
    | {"copy_current_request_context"},
    in_tests=False,
)


def __getattr__(name: str) -> object:
    """Give LibCST's tool its command; nothing else pays for the import of LibCST."""
    if name != "ThreadsCommand":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from flask_ctxfix.libcst_command import command_for

    return command_for(CODEMOD, __name__, name)
