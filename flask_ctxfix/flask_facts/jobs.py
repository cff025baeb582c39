"""The runners of jobs: what makes a function a job of theirs, and what starts it."""

from __future__ import annotations

from typing import Literal

from flask_ctxfix.flask_facts.threads import Starter

Runner = Literal["APScheduler", "Celery", "Dramatiq", "Flask-APScheduler", "Huey", "RQ"]

_SCHEDULERS = tuple(
    f"apscheduler.schedulers.{kind}Scheduler()"
    for kind in (
        "asyncio.AsyncIO",
        "background.Background",
        "blocking.Blocking",
        "gevent.Gevent",
        "tornado.Tornado",
        "twisted.Twisted",
    )
)
_HUEYS = tuple(
    f"huey.{kind}Huey()"
    for kind in (
        "",
        "BlackHole",
        "CySqlite",
        "File",
        "Memory",
        "Postgres",
        "PriorityRedis",
        "PriorityRedisExpire",
        "Redis",
        "RedisExpire",
        "Sqlite",
    )
)
_RQ_SCHEDULER = "rq_scheduler.Scheduler()"

# Decorators of what a runner calls in its worker. Sources of this and of the next tables: the
# signatures of Celery 5.7, RQ 3.0, Dramatiq 2.2, Huey 3.5, APScheduler 3.11 and
# Flask-APScheduler 1.13, whose jobs the cases of the tests run; those of rq-scheduler were not run.
JOB_DECORATORS: dict[str, Runner] = {
    "celery.Celery().task": "Celery",
    "celery.shared_task": "Celery",
    "celery.task": "Celery",
    "dramatiq.actor": "Dramatiq",
    "flask_apscheduler.APScheduler().task": "Flask-APScheduler",
    "rq.decorators.job": "RQ",
    **{f"{scheduler}.scheduled_job": "APScheduler" for scheduler in _SCHEDULERS},
    **{f"{huey}.{kind}": "Huey" for huey in _HUEYS for kind in ("periodic_task", "task")},
}

# Classes whose `run` is a job.
JOB_BASES: dict[str, Runner] = {"celery.Task": "Celery", "celery.Celery().Task": "Celery"}


def _enqueued(
    runner: Runner,
    position: int,
    keyword: str,
    passing: Literal["tuple", "rest", "each"],
    arguments: int = 0,
) -> tuple[Runner, Starter]:
    starter = Starter("job", f"job of {runner}", position, keyword, passing, arguments)
    return runner, starter


# Calls that hand a function, or the name of one, to a runner.
JOB_STARTERS: dict[str, tuple[Runner, Starter]] = {
    "celery.Celery().send_task": _enqueued("Celery", 0, "name", "tuple", 1),
    "flask_apscheduler.APScheduler().add_job": _enqueued(
        "Flask-APScheduler", 1, "func", "tuple", 99
    ),
    "rq.Queue().enqueue": _enqueued("RQ", 0, "f", "rest"),
    "rq.Queue().enqueue_at": _enqueued("RQ", 1, "f", "rest"),
    "rq.Queue().enqueue_call": _enqueued("RQ", 0, "func", "tuple", 1),
    "rq.Queue().enqueue_in": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.cron": _enqueued("RQ", 1, "func", "tuple", 2),
    f"{_RQ_SCHEDULER}.enqueue_at": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.enqueue_in": _enqueued("RQ", 1, "func", "rest"),
    f"{_RQ_SCHEDULER}.schedule": _enqueued("RQ", 1, "func", "tuple", 2),
    **{
        f"{scheduler}.add_job": _enqueued("APScheduler", 0, "func", "tuple", 2)
        for scheduler in _SCHEDULERS
    },
}

# Methods of a job that hand it to its runner, and how they take its arguments; an empty name stands
# for the call of the job itself.
JOB_METHODS: dict[Runner, dict[str, Literal["tuple", "rest"]]] = {
    "Celery": {
        "apply_async": "tuple",
        "delay": "rest",
        "s": "rest",
        "si": "rest",
        "signature": "tuple",
        "subtask": "tuple",
    },
    "Dramatiq": {"message": "rest", "send": "rest", "send_with_options": "tuple"},
    "Huey": {"": "rest", "s": "rest", "schedule": "tuple"},
    "RQ": {"delay": "rest"},
}

# Packages that give jobs a context, or replace what runs them.
JOB_INTEGRATIONS: dict[Runner, frozenset[str]] = {
    "APScheduler": frozenset(),
    "Celery": frozenset({"flask_celery", "flask_celeryext"}),
    "Dramatiq": frozenset({"flask_dramatiq", "flask_melodramatiq"}),
    "Flask-APScheduler": frozenset(),
    "Huey": frozenset({"flask_huey"}),
    "RQ": frozenset({"flask_rq", "flask_rq2"}),
}
