"""What runs a function elsewhere, and what makes others wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple


class Starter(NamedTuple):
    """How a callable runs a function elsewhere.

    `position` and `keyword` say which argument is the function; its arguments are given as a tuple
    and a dict ("tuple", at `arguments` and behind it), or as the rest of the call ("rest"), or one
    by one out of an iterable ("each").
    """

    kind: Literal["thread", "timer", "pool", "greenlet", "delayed", "process", "job"]
    noun: str
    position: int
    keyword: str
    passing: Literal["tuple", "rest", "each"]
    arguments: int = 0


def _starters(
    owners: Iterable[str], methods: Iterable[str], starter: Starter
) -> dict[str, Starter]:
    return {f"{owner}.{method}": starter for owner in owners for method in methods}


_EXECUTORS = ("concurrent.futures.ThreadPoolExecutor()", "concurrent.futures.Executor()")
_POOLS = ("multiprocessing.pool.ThreadPool()", "multiprocessing.dummy.Pool()")
_GREEN_POOLS = ("gevent.pool.Pool()", "gevent.pool.Group()", "gevent.threadpool.ThreadPool()")
_MAPS = ("imap", "imap_unordered", "map", "map_async", "starmap", "starmap_async")

# Whatever runs a function where the context of the caller is not: checked against signatures.
STARTERS: dict[str, Starter] = {
    "threading.Thread": Starter("thread", "thread", 1, "target", "tuple", 3),
    "threading.Timer": Starter("timer", "timer", 1, "function", "tuple", 2),
    "_thread.start_new_thread": Starter("thread", "thread", 0, "function", "tuple", 1),
    "multiprocessing.Process": Starter("process", "process", 1, "target", "tuple", 3),
    **_starters(_EXECUTORS, ("submit",), Starter("pool", "pool thread", 0, "fn", "rest")),
    **_starters(_EXECUTORS, ("map",), Starter("pool", "pool thread", 0, "fn", "each")),
    **_starters(
        ("concurrent.futures.ProcessPoolExecutor()",),
        ("submit",),
        Starter("process", "process", 0, "fn", "rest"),
    ),
    **_starters(
        ("concurrent.futures.ProcessPoolExecutor()",),
        ("map",),
        Starter("process", "process", 0, "fn", "each"),
    ),
    "joblib.delayed": Starter("process", "task of joblib", 0, "function", "each"),
    **_starters(
        _POOLS,
        ("apply", "apply_async"),
        Starter("pool", "pool thread", 0, "func", "tuple", 1),
    ),
    **_starters(_POOLS, _MAPS, Starter("pool", "pool thread", 0, "func", "each")),
    **_starters(
        ("gevent",), ("spawn", "spawn_raw"), Starter("greenlet", "greenlet", 0, "", "rest")
    ),
    "gevent.spawn_later": Starter("delayed", "greenlet", 1, "", "rest"),
    "gevent.Greenlet": Starter("greenlet", "greenlet", 0, "run", "rest"),
    "gevent.Greenlet.spawn": Starter("greenlet", "greenlet", 0, "", "rest"),
    **_starters(_GREEN_POOLS, ("spawn",), Starter("greenlet", "greenlet", 0, "", "rest")),
    **_starters(
        _GREEN_POOLS,
        ("imap", "imap_unordered", "map"),
        Starter("greenlet", "greenlet", 0, "func", "each"),
    ),
    **_starters(
        ("eventlet",),
        ("spawn", "spawn_n"),
        Starter("greenlet", "greenlet", 0, "func", "rest"),
    ),
    "eventlet.spawn_after": Starter("delayed", "greenlet", 1, "func", "rest"),
    **_starters(
        ("eventlet.GreenPool()",),
        ("spawn", "spawn_n"),
        Starter("greenlet", "greenlet", 0, "function", "rest"),
    ),
    "flask_socketio.SocketIO().start_background_task": Starter(
        "thread", "background task", 0, "target", "rest"
    ),
}

# Classes of what runs its method `run` elsewhere.
STARTED_CLASSES = {
    name: STARTERS[name]
    for name in ("threading.Thread", "multiprocessing.Process", "gevent.Greenlet")
}

# Calls of asyncio that run a function in a thread, and those that make a task of a coroutine.
_LOOPS = ("asyncio.get_event_loop()", "asyncio.get_running_loop()")
EXECUTOR_CALLS = frozenset(f"{loop}.run_in_executor" for loop in _LOOPS)
TASK_MAKERS = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        *(f"{loop}.create_task" for loop in _LOOPS),
    }
)

# Methods of signals that take a sender first.
SENDING = frozenset({"send", "send_async"})

# What runs a function elsewhere and takes the context along.
CARRIERS = frozenset(
    {
        "asyncio.create_task",
        "asyncio.ensure_future",
        "asyncio.run",
        "asyncio.to_thread",
        "flask_executor.Executor().submit",
        "flaskthreads.AppContextThread",
    }
)


# What makes an object that lets one in at a time, or a few. Sources: the references of threading,
# multiprocessing, asyncio, gevent.lock, eventlet.semaphore, filelock, redis-py, fasteners and
# portalocker.
_LOCKS = ("BoundedSemaphore", "Condition", "Lock", "RLock", "Semaphore")
LOCKS = frozenset(
    {
        "_thread.allocate_lock()",
        "_thread.RLock()",
        *(
            f"{owner}.{name}()"
            for owner in (
                "asyncio",
                "multiprocessing",
                "multiprocessing.Manager()",
                "multiprocessing.dummy",
                "multiprocessing.get_context()",
                "multiprocessing.managers.SyncManager()",
                "multiprocessing.synchronize",
                "threading",
            )
            for name in _LOCKS
        ),
        *(f"gevent.lock.{name}()" for name in ("BoundedSemaphore", "RLock", "Semaphore")),
        *(f"eventlet.semaphore.{name}()" for name in ("BoundedSemaphore", "Semaphore")),
        *(f"filelock.{name}()" for name in ("FileLock", "SoftFileLock", "UnixFileLock")),
        *(f"redis.{name}().lock()" for name in ("Redis", "StrictRedis", "from_url")),
        "redis.Redis.from_url().lock()",
        "redis.lock.Lock()",
        "fasteners.InterProcessLock()",
        "fasteners.ReaderWriterLock().read_lock()",
        "fasteners.ReaderWriterLock().write_lock()",
        "portalocker.Lock()",
        "portalocker.RLock()",
    }
)
