"""What runs a function elsewhere, what waits for it, and what lets one in at a time."""

from __future__ import annotations

from flask_ctxfix.flask_facts.rows import Facts, Roles, Starter, members

_SUBMIT = Starter("pool", "pool thread", 0, "fn", "rest")
_MAP_FN = Starter("pool", "pool thread", 0, "fn", "each")
_APPLY = Starter("pool", "pool thread", 0, "func", "tuple", 1)
_MAP = Starter("pool", "pool thread", 0, "func", "each")
_GREEN = Starter("greenlet", "greenlet", 0, "", "rest")
_GREEN_MAP = Starter("greenlet", "greenlet", 0, "func", "each")
_EVENTLET = Starter("greenlet", "greenlet", 0, "func", "rest")
_EVENTLET_POOL = Starter("greenlet", "greenlet", 0, "function", "rest")
_LOCK: Roles = ("lock",)
_LOCKS = ("BoundedSemaphore()", "Condition()", "Lock()", "RLock()", "Semaphore()")

ROWS = (
    Facts(
        "Python 3.14, library reference, threading and _thread; signatures executed",
        {
            "threading.Thread": (
                Starter("thread", "thread", 1, "target", "tuple", 3),
                "class of run",
            ),
            "threading.Timer": (Starter("timer", "timer", 1, "function", "tuple", 2),),
            "_thread.start_new_thread": (Starter("thread", "thread", 0, "function", "tuple", 1),),
            "_thread.allocate_lock()": ("lock",),
            "_thread.RLock()": ("lock",),
            "threading.Event()": ("event",),
            "threading.Condition().wait": ("waits",),
            "threading.Event().wait": ("waits",),
            "threading.Thread().join": ("waits",),
            **members(("threading",), dict.fromkeys(_LOCKS, _LOCK)),
        },
    ),
    Facts(
        "Python 3.14, library reference, concurrent.futures; signatures executed",
        {
            **members(
                ("concurrent.futures.ThreadPoolExecutor()", "concurrent.futures.Executor()"),
                {"submit": (_SUBMIT,), "map": (_MAP_FN,)},
            ),
            "concurrent.futures.Executor()": ("waits at its end",),
            "concurrent.futures.ProcessPoolExecutor()": ("waits at its end",),
            "concurrent.futures.ThreadPoolExecutor()": ("waits at its end",),
            "concurrent.futures.Future().exception": ("waits",),
            "concurrent.futures.Future().result": ("waits",),
            "concurrent.futures.as_completed": ("waits",),
            "concurrent.futures.wait": ("waits",),
            "concurrent.futures.ProcessPoolExecutor().submit": (
                Starter("process", "process", 0, "fn", "rest"),
            ),
            "concurrent.futures.ProcessPoolExecutor().map": (
                Starter("process", "process", 0, "fn", "each"),
            ),
        },
    ),
    Facts(
        "Python 3.14, library reference, multiprocessing; signatures executed",
        {
            "multiprocessing.Process": (
                Starter("process", "process", 1, "target", "tuple", 3),
                "class of run",
            ),
            "multiprocessing.Event()": ("event",),
            "multiprocessing.Process().join": ("waits",),
            "multiprocessing.pool.AsyncResult().get": ("waits",),
            "multiprocessing.pool.AsyncResult().wait": ("waits",),
            **members(
                ("multiprocessing.pool.ThreadPool()", "multiprocessing.dummy.Pool()"),
                {
                    "apply": (_APPLY, "waits for its work"),
                    "apply_async": (_APPLY,),
                    "imap": (_MAP,),
                    "imap_unordered": (_MAP,),
                    "map": (_MAP, "waits for its work"),
                    "map_async": (_MAP,),
                    "starmap": (_MAP, "waits for its work"),
                    "starmap_async": (_MAP,),
                },
            ),
            **members(
                (
                    "multiprocessing",
                    "multiprocessing.Manager()",
                    "multiprocessing.dummy",
                    "multiprocessing.get_context()",
                    "multiprocessing.managers.SyncManager()",
                    "multiprocessing.synchronize",
                ),
                dict.fromkeys(_LOCKS, _LOCK),
            ),
        },
    ),
    Facts(
        "Python 3.14, library reference, asyncio",
        {
            "asyncio.create_task": ("makes task", "takes context along"),
            "asyncio.ensure_future": ("makes task", "takes context along"),
            "asyncio.gather": ("starts coroutines",),
            "asyncio.run": ("takes context along",),
            "asyncio.shield": ("starts coroutines",),
            "asyncio.to_thread": ("takes context along",),
            **members(
                ("asyncio.get_event_loop()", "asyncio.get_running_loop()"),
                {"create_task": ("makes task",), "run_in_executor": ("runs in executor",)},
            ),
            **members(
                ("asyncio",), dict.fromkeys((each for each in _LOCKS if each != "RLock()"), _LOCK)
            ),
        },
    ),
    Facts(
        "joblib 1.5, parallel.py",
        {
            "joblib.delayed": (
                Starter("process", "joblib task", 0, "function", "each", is_fresh=True),
            ),
        },
    ),
    Facts(
        "gevent 26, API reference; executed in a request",
        {
            "gevent.spawn": (_GREEN,),
            "gevent.spawn_raw": (_GREEN,),
            "gevent.spawn_later": (Starter("delayed", "greenlet", 1, "", "rest"),),
            "gevent.Greenlet": (
                Starter("greenlet", "greenlet", 0, "run", "rest"),
                "class of run",
            ),
            "gevent.Greenlet.spawn": (_GREEN,),
            "gevent.Greenlet().get": ("waits",),
            "gevent.Greenlet().join": ("waits",),
            "gevent.joinall": ("waits",),
            "gevent.wait": ("waits",),
            "gevent.event.Event()": ("event",),
            **members(
                ("gevent.pool.Pool()", "gevent.pool.Group()", "gevent.threadpool.ThreadPool()"),
                {
                    "spawn": (_GREEN,),
                    "imap": (_GREEN_MAP,),
                    "imap_unordered": (_GREEN_MAP,),
                    "map": (_GREEN_MAP, "waits for its work"),
                },
            ),
            "gevent.lock.BoundedSemaphore()": ("lock",),
            "gevent.lock.RLock()": ("lock",),
            "gevent.lock.Semaphore()": ("lock",),
        },
    ),
    Facts(
        "eventlet 0.39, greenthread.py, greenpool.py and semaphore.py",
        {
            "eventlet.spawn": (_EVENTLET,),
            "eventlet.spawn_n": (_EVENTLET,),
            "eventlet.spawn_after": (Starter("delayed", "greenlet", 1, "func", "rest"),),
            "eventlet.GreenPool().spawn": (_EVENTLET_POOL,),
            "eventlet.GreenPool().spawn_n": (_EVENTLET_POOL,),
            "eventlet.GreenPool().waitall": ("waits",),
            "eventlet.greenthread.GreenThread().wait": ("waits",),
            "eventlet.semaphore.BoundedSemaphore()": ("lock",),
            "eventlet.semaphore.Semaphore()": ("lock",),
        },
    ),
    Facts(
        "Flask-SocketIO 5.3, __init__.py: a thread, or what the server takes for one",
        {
            "flask_socketio.SocketIO().start_background_task": (
                Starter("thread", "background task", 0, "target", "rest"),
            ),
        },
    ),
    Facts(
        "blinker 1.9, base.py; Flask 3.1, signals.py: their methods take a sender first",
        {
            "blinker.NamedSignal()": ("signal",),
            "blinker.Namespace().signal()": ("signal",),
            "blinker.Signal()": ("signal",),
            "blinker.signal()": ("signal",),
            "flask.signals.Namespace().signal()": ("signal",),
            "blinker.Signal().send": ("sends to receivers",),
            "blinker.Signal().send_async": ("sends to receivers",),
        },
    ),
    Facts(
        "The documentation of filelock 3.20, redis-py 7, fasteners 0.20 and portalocker 3",
        {
            "filelock.FileLock()": ("lock",),
            "filelock.SoftFileLock()": ("lock",),
            "filelock.UnixFileLock()": ("lock",),
            "redis.Redis().lock()": ("lock",),
            "redis.Redis.from_url().lock()": ("lock",),
            "redis.StrictRedis().lock()": ("lock",),
            "redis.from_url().lock()": ("lock",),
            "redis.lock.Lock()": ("lock",),
            "fasteners.InterProcessLock()": ("lock",),
            "fasteners.ReaderWriterLock().read_lock()": ("lock",),
            "fasteners.ReaderWriterLock().write_lock()": ("lock",),
            "portalocker.Lock()": ("lock",),
            "portalocker.RLock()": ("lock",),
        },
    ),
)
