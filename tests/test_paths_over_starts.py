"""How the path of a finding comes to what starts work: from a view, wherever it is defined."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import Step
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.settings import Settings

Write = Callable[[dict[str, str | bytes]], None]

HEAD = """\
from functools import cache
from threading import Thread

from flask import Flask, request
from rq import Queue

app = Flask(__name__)
queue = Queue()
"""
IN_VIEW = """

@app.get("/")
def index():
    {}
    return "index"
"""


def path_of(code: str) -> list[tuple[str, str, str, str | None]]:
    """Return what each step does of the only finding with this code: who, what, where, and with."""
    results = engine.run(Settings(paths=(".",), select=(code,)), "list").results
    (path,) = [each.finding.path for result in results for each in result.findings]
    return [_told(step) for step in path]


def _told(step: Step) -> tuple[str, str, str, str | None]:
    name = "<module>" if step.function is None else step.function.name
    return name, f"{step.does} {step.kind}".strip(), step.code, step.context


CLASS = """

class Mailer(Thread):
    def run(self):
        print(request.path)
"""
HEIR = """

class Own(Mailer):
    pass
"""
DECORATED = """

def in_background(function):
    def start():
        Thread(target=function).start()

    return start


@in_background
def run():
    print(request.path)
"""


@pytest.mark.parametrize(
    ("defined", "call", "does", "code"),
    [
        (CLASS, "Mailer().start()", "starts thread", "Mailer().start()"),
        (CLASS, "starting = Mailer().start; starting()", "makes thread", "Mailer()"),
        (CLASS, "mailer = Mailer(); mailer.start()", "makes thread", "Mailer()"),
        (f"{CLASS}{HEIR}", "Own().start()", "starts thread", "Own().start()"),
        (DECORATED, "run()", "starts thread", "run()"),
    ],
)
def test_what_is_defined_is_started_by_a_view(
    tree: Write, defined: str, call: str, does: str, code: str
) -> None:
    tree({"app.py": HEAD + defined + IN_VIEW.format(call)})
    assert path_of("CTX101") == [
        ("index", "is called view", "index", "request"),
        ("index", does, code, "request"),
        ("run", "reads", "request.path", "none"),
    ]


def test_a_view_is_shown_rather_than_what_comes_first(tree: Write) -> None:
    views = f"{CLASS}\n\ndef early():\n    Mailer().start()\n{IN_VIEW.format('Mailer().start()')}"
    tree({"app.py": HEAD + views})
    assert path_of("CTX101")[0] == ("index", "is called view", "index", "request")


@pytest.mark.parametrize(("defined", "code"), [(CLASS, "run"), (DECORATED, "in_background")])
def test_what_nobody_is_seen_to_start_runs_in_a_thread(
    tree: Write, defined: str, code: str
) -> None:
    tree({"app.py": HEAD + defined})
    (begin, end) = path_of("CTX101")
    assert begin[:3] == ("run", "runs in thread", code)
    assert end == ("run", "reads", "request.path", "none")


def test_a_job_is_queued_by_a_view(tree: Write) -> None:
    work = "\n\ndef work():\n    print(request.path)\n"
    tree({"app.py": HEAD + work + IN_VIEW.format("queue.enqueue(work)")})
    assert path_of("CTX202") == [
        ("index", "is called view", "index", "request"),
        ("index", "queues RQ job", "queue.enqueue(work)", "request"),
        ("work", "reads", "request.path", "none"),
    ]


def test_a_function_is_cached_as_its_module_is_imported(tree: Write) -> None:
    views = """

    @cache
    def name():
        return request.args["user"]
    """
    tree({"app.py": HEAD + dedent(views) + IN_VIEW.format("name()")})
    contexts = [context for *_, context in path_of("CTX505")]
    assert contexts == ["none", *["request"] * 5]


def test_a_cached_view_is_reached_in_requests(tree: Write) -> None:
    views = """
    from flask_caching import Cache
    from flask_login import login_required

    kept = Cache(app)


    @app.get("/")
    @kept.cached()
    @login_required
    def index():
        return "index"
    """
    tree({"app.py": HEAD + dedent(views)})
    assert [context for *_, context in path_of("CTX505")] == ["none", "request", "request"]


@pytest.mark.parametrize(
    ("code", "call", "does", "error"),
    [
        ("CTX303", "request.path", "reads", "RuntimeError: There is no request in this context"),
        (
            "CTX303",
            "session.get('a')",
            "calls",
            "RuntimeError: There is no request in this context",
        ),
        ("CTX303", "url_for('index')", "calls", "RuntimeError"),
    ],
)
def test_what_a_second_context_hides_ends_in_its_error(
    tree: Write, code: str, call: str, does: str, error: str
) -> None:
    block = f"with app.app_context():\n        return {call}"
    head = HEAD.replace("Flask, request", "Flask, request, session, url_for")
    tree({"app.py": head + IN_VIEW.format(block)})
    options = Settings(
        paths=(".",), select=(code,), target_version=TargetVersion.parse("3.2"), unsafe_fixes=True
    )
    (result,) = engine.run(options, "list").results
    (found,) = result.findings
    assert (found.finding.path[-1].does, found.finding.path[-1].error) == (does, error)


def test_a_read_on_import_ends_in_its_error(tree: Write) -> None:
    tree({"app.py": HEAD + "\n\ndef level():\n    return request.path\n\n\nLEVEL = level()\n"})
    (result,) = engine.run(Settings(paths=(".",), select=("CTX304",)), "list").results
    (found,) = result.findings
    assert found.finding.path[-1].error == "RuntimeError: Working outside of request context"
