"""Where the work on files is done: here, in processes of this machine, or wherever one says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Executor

# Gives what a task made of each of some paths, in their order.
Work = Callable[[Callable[[Sequence[str]], list[Any]], Sequence[str]], Iterator[Any]]

_FEW_FILES = 8
# Processes follow the same functions, each for itself: they are worth that for much work only.
_FEW_BYTES = 3_000_000
_PARTS_PER_PROCESS = 4


@contextmanager
def workforce(paths: Sequence[str], executor: Executor | None) -> Iterator[Work]:
    """Give what does tasks on `paths`: `executor`, or this process if they are little work.

    A task takes some of the paths and returns a list with what came of each.
    """
    if executor is not None:
        yield _sharing(executor.map)
    elif len(paths) < _FEW_FILES or sum(map(_size, paths)) < _FEW_BYTES:
        with _uncollected():
            yield _sharing(map)
    else:
        with _processes() as pool:
            yield _sharing(pool.map)


def _sharing(mapping: Callable[..., Iterable[list[Any]]]) -> Work:
    def work(task: Callable[[Sequence[str]], list[Any]], paths: Sequence[str]) -> Iterator[Any]:
        size = 1 + len(paths) // (_PARTS_PER_PROCESS * (os.cpu_count() or 1))
        parts = [paths[start : start + size] for start in range(0, len(paths), size)]
        return (result for results in mapping(task, parts) for result in results)

    return work


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


@contextmanager
def _uncollected() -> Iterator[None]:
    """Do without the garbage collector.

    Syntax trees are millions of objects without cycles; it would walk them all the time.
    """
    import gc

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _prepare() -> None:
    """Set a process of the pool up: interrupts are its parent's affair, and so is garbage."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()


@contextmanager
def _processes() -> Iterator[Executor]:
    """Give an executor of processes that an interrupt of this one ends at once."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    others = {*multiprocessing.active_children()}
    pool = ProcessPoolExecutor(initializer=_prepare)
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
