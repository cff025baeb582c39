"""Where files are rewritten: here, in processes of this machine, or wherever one says."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from flask_ctxfix.source import SourceError

# Takes some paths and returns a list with what came of each.
Task = Callable[[Sequence[str]], list[Any]]

# The start of processes costs what the rewriting of some files does.
_FEW_FILES = 8
_PARTS_PER_PROCESS = 4


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
    if executor is not None:
        yield from _in_parts(task, paths, executor)
    elif len(paths) < _FEW_FILES or not _can_fork():
        for path in paths:
            yield from task([path])
    else:
        with _processes(os.cpu_count() or 1) as pool:
            yield from _in_parts(task, paths, pool)


def _can_fork() -> bool:
    return "fork" in multiprocessing.get_all_start_methods()


def _in_parts(task: Task, paths: Sequence[str], executor: Executor) -> Iterator[Any]:
    size = 1 + len(paths) // (_PARTS_PER_PROCESS * (os.cpu_count() or 1))
    parts = [paths[start : start + size] for start in range(0, len(paths), size)]
    futures = [_submitted(task, part, executor) for part in parts]
    for part, future in zip(parts, futures, strict=True):
        try:
            yield from future.result()
        except BrokenExecutor:
            yield from (_alone(task, path) for path in part)


def _submitted(task: Task, part: Sequence[str], executor: Executor) -> Future[list[Any]]:
    try:
        return executor.submit(task, part)
    except BrokenExecutor as error:
        future: Future[list[Any]] = Future()
        future.set_exception(error)
        return future


def _alone(task: Task, path: str) -> Any:
    """Return what `task` makes of a file in a process that nothing else needs."""
    with _processes(1) as pool:
        try:
            return pool.submit(task, [path]).result()[0]
        except BrokenExecutor:
            return SourceError(path, None, "the process that rewrote it was killed")


def _prepare() -> None:
    """Set a process up: interrupts are its parent's affair, and so is garbage."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


@contextmanager
def _processes(count: int) -> Iterator[Executor]:
    """Give an executor of processes that an interrupt of this one ends at once."""
    others = {*multiprocessing.active_children()}
    context = multiprocessing.get_context("fork") if _can_fork() else None
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_prepare)
    try:
        yield pool
    except BaseException:
        # What waits is dropped first: up to Python 3.11, a pool without processes trips over it.
        pool.shutdown(wait=False, cancel_futures=True)
        processes = {*multiprocessing.active_children()} - others
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        raise
    else:
        pool.shutdown()
