"""Work in processes: forks of this one, or those of an executor. Small runs do without."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from flask_ctxfix.source import SourceError

# Takes some paths and returns a list with what came of each.
_KILLED = "the process that worked on it was killed, perhaps for lack of memory"
Task = Callable[[Sequence[str]], list[Any]]

_PARTS_PER_PROCESS = 4


def in_forks(task: Task, paths: Sequence[str]) -> Iterator[Any]:
    """Yield what `task` made of each of `paths` in forks of this process, or in it without them."""
    if not _can_fork():
        for path in paths:
            yield from task([path])
        return
    with _processes(os.cpu_count() or 1) as pool:
        yield from in_parts(task, paths, pool)


def _can_fork() -> bool:
    return "fork" in multiprocessing.get_all_start_methods()


def in_parts(task: Task, paths: Sequence[str], executor: Executor) -> Iterator[Any]:
    """Yield what `task` made of each of `paths` in the processes of an executor."""
    size = 1 + len(paths) // (_PARTS_PER_PROCESS * (os.cpu_count() or 1))
    parts = [paths[start : start + size] for start in range(0, len(paths), size)]
    with _uninterrupted():
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
        with _uninterrupted():
            future = pool.submit(task, [path])
        try:
            return future.result()[0]
        except BrokenExecutor:
            return SourceError(path, None, _KILLED)


def _prepare() -> None:
    """Set a process up: interrupts are its parent's affair, and so is garbage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    gc.disable()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Have an interrupt wait: one between the start of a process and its entry would orphan it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
