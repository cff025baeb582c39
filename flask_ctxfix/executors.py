"""Where files are rewritten: here, in processes of this machine, or wherever one says."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from flask_ctxfix.processes import Task

# The start of processes costs what the rewriting of some files does.
_FEW_FILES = 8


@contextmanager
def uncollected() -> Iterator[None]:
    """Do without the garbage collector.

    Syntax trees are millions of objects without cycles; it would walk them all the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def shared(task: Task, paths: Sequence[str], executor: Executor | None) -> Iterator[Any]:
    """Yield what `task` made of each of `paths`, in their order.

    The work is done in `executor`, or else in processes that are forks of this one and so have all
    that it has read; in this one where there is little of it. What a dying process leaves undone is
    done again, each file in a process of its own: a SourceError stands for one that dies again.
    """
    if executor is None and len(paths) < _FEW_FILES:
        for path in paths:
            yield from task([path])
        return
    from flask_ctxfix.processes import in_forks, in_parts

    yield from in_forks(task, paths) if executor is None else in_parts(task, paths, executor)
