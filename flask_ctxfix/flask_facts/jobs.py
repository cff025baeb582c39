"""The runners of jobs: what makes a function a job of theirs, and what hands one over.

The signatures are those of the versions named here, whose jobs the cases of the tests run.
"""

from __future__ import annotations

from typing import Literal

from flask_ctxfix.flask_facts.rows import Facts, Integrates, Runner, Starter, members

# Whose names are those of which package.
RUNNERS: dict[str, Runner] = {
    "apscheduler": "APScheduler",
    "celery": "Celery",
    "dramatiq": "Dramatiq",
    "flask_apscheduler": "Flask-APScheduler",
    "huey": "Huey",
    "rq": "RQ",
    "rq_scheduler": "RQ",
}
# How a sentence names a job of a runner.
JOB_NOUNS: dict[Runner, str] = {
    "APScheduler": "APScheduler job",
    "Celery": "Celery task",
    "Dramatiq": "Dramatiq actor",
    "Flask-APScheduler": "Flask-APScheduler job",
    "Huey": "Huey task",
    "RQ": "RQ job",
}


def _job(
    runner: Runner,
    position: int,
    keyword: str,
    passing: Literal["tuple", "rest", "each"],
    arguments: int = 0,
) -> Starter:
    return Starter("job", JOB_NOUNS[runner], position, keyword, passing, arguments)


_CRON = _job("RQ", 1, "func", "tuple", 2)
_IN = _job("RQ", 1, "func", "rest")

ROWS = (
    Facts(
        "Celery 5.7, app/base.py, app/task.py and app/__init__.py",
        {
            "celery.Celery().Task": ("job class",),
            "celery.Celery().send_task": (_job("Celery", 0, "name", "tuple", 1),),
            "celery.Celery().task": ("job decorator", "outside"),
            "celery.Task": ("job class",),
            "celery.Task().apply_async": ("hands over a tuple",),
            "celery.Task().delay": ("hands over arguments",),
            "celery.Task().s": ("hands over arguments",),
            "celery.Task().si": ("hands over arguments",),
            "celery.Task().signature": ("hands over a tuple",),
            "celery.Task().subtask": ("hands over a tuple",),
            "celery.shared_task": ("job decorator", "outside"),
            "celery.utils.log.get_task_logger()": ("logger",),
        },
    ),
    Facts(
        "Celery 4.4, task/__init__.py; gone in 5.0",
        {"celery.task": ("job decorator",)},
        until=(5, 0),
    ),
    Facts(
        "Dramatiq 2.2, actor.py",
        {
            "dramatiq.actor": ("job decorator",),
            "dramatiq.Actor().message": ("hands over arguments",),
            "dramatiq.Actor().send": ("hands over arguments",),
            "dramatiq.Actor().send_with_options": ("hands over a tuple",),
        },
    ),
    Facts(
        "RQ 3.0, queue.py and decorators.py",
        {
            "rq.Queue().enqueue": (_job("RQ", 0, "f", "rest"),),
            "rq.Queue().enqueue_at": (_job("RQ", 1, "f", "rest"),),
            "rq.Queue().enqueue_call": (_job("RQ", 0, "func", "tuple", 1),),
            "rq.Queue().enqueue_in": (_IN,),
            "rq.decorators.job": ("job decorator",),
            "rq.decorators.job()().delay": ("hands over arguments",),
        },
    ),
    Facts(
        "rq-scheduler 0.14, scheduler.py; read, not run",
        members(
            ("rq_scheduler.Scheduler()",),
            {"cron": (_CRON,), "enqueue_at": (_IN,), "enqueue_in": (_IN,), "schedule": (_CRON,)},
        ),
    ),
    Facts(
        "Huey 3.5, api.py, storage.py and contrib",
        {
            **members(
                tuple(
                    f"huey.{kind}Huey()"
                    for kind in (
                        *("", "BlackHole", "CySqlite", "File", "Memory", "Postgres"),
                        *("PriorityRedis", "PriorityRedisExpire", "Redis", "RedisExpire", "Sqlite"),
                    )
                ),
                {"periodic_task": ("job decorator",), "task": ("job decorator",)},
            ),
            "huey.api.TaskWrapper().__call__": ("hands over arguments",),
            "huey.api.TaskWrapper().s": ("hands over arguments",),
            "huey.api.TaskWrapper().schedule": ("hands over a tuple",),
        },
    ),
    Facts(
        "APScheduler 3.11, schedulers/base.py",
        members(
            (
                "apscheduler.schedulers.asyncio.AsyncIOScheduler()",
                "apscheduler.schedulers.background.BackgroundScheduler()",
                "apscheduler.schedulers.blocking.BlockingScheduler()",
                "apscheduler.schedulers.gevent.GeventScheduler()",
                "apscheduler.schedulers.tornado.TornadoScheduler()",
                "apscheduler.schedulers.twisted.TwistedScheduler()",
            ),
            {
                "add_job": (_job("APScheduler", 0, "func", "tuple", 2),),
                "scheduled_job": ("job decorator",),
            },
        ),
    ),
    Facts(
        "Flask-APScheduler 1.13, scheduler.py",
        {
            "flask_apscheduler.APScheduler().add_job": (
                _job("Flask-APScheduler", 1, "func", "tuple", 99),
            ),
            "flask_apscheduler.APScheduler().task": ("job decorator",),
        },
    ),
    Facts(
        "Their documentation: what gives jobs a context, or replaces what runs them",
        {
            "flask_celery": (Integrates("Celery"),),
            "flask_celeryext": (Integrates("Celery"),),
            "flask_dramatiq": (Integrates("Dramatiq"),),
            "flask_melodramatiq": (Integrates("Dramatiq"),),
            "flask_huey": (Integrates("Huey"),),
            "flask_rq": (Integrates("RQ"),),
            "flask_rq2": (Integrates("RQ"),),
        },
    ),
)
