"""Threads and tasks that lose the context: CTX101 to CTX106."""

from __future__ import annotations

from flask_ctxfix.codemod import Codemod
from flask_ctxfix.flask_facts import EXECUTOR_CALLS, SENDING, STARTERS, TASK_MAKERS, spelled
from flask_ctxfix.lazy_commands import giving_command

CODEMOD = Codemod(
    name="threads",
    home=f"{__name__}.rules",
    names=spelled((*STARTERS, *EXECUTOR_CALLS, *TASK_MAKERS))
    | SENDING
    | {"copy_current_request_context"},
    in_tests=False,
)

__getattr__ = giving_command(CODEMOD)
