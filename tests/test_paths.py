"""Where the path of a finding leads: through a start into the work, through a write to a reader."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import Step
from flask_ctxfix.settings import Settings

Write = Callable[[dict[str, str | bytes]], None]

HEAD = """\
import os
from contextvars import ContextVar
from threading import local

from celery import shared_task
from flask import Flask, current_app, request

app = Flask(__name__)
state = local()
user = ContextVar("user")
seen = []
"""


def path_of(code: str) -> list[str]:
    """Return the steps of the only finding with this code: what each does, where, and with what.

    Of two requests, each comes with the one that takes it.
    """
    results = engine.run(Settings(paths=(".",), select=(code,)), "list").results
    (path,) = [each.finding.path for result in results for each in result.findings]
    return [_told(step) for step in path]


def _told(step: Step) -> str:
    name = "<module>" if step.function is None else step.function.name
    request = f"{step.request}: " if step.request else ""
    return f"{request}{name} {step.role} {step.code}"


@pytest.mark.parametrize(
    ("code", "write", "read"),
    [
        ("CTX503", 'app.config["USER"] = name', 'current_app.config.get("USER")'),
        ("CTX503", "app.config.update(USER=name)", 'app.config["USER"]'),
        ("CTX503", 'app.extensions.setdefault("USER", name)', 'app.extensions["USER"]'),
        ("CTX503", 'os.environ["USER"] = name', 'os.getenv("USER")'),
        ("CTX503", "current_app.user = name", "app.user"),
        ("CTX504", "seen.append(name)", "seen"),
        ("CTX504", "state.user = name", "state.user"),
        ("CTX504", "user.set(name)", "user.get()"),
    ],
)
def test_what_is_kept_leads_to_another_request(
    tree: Write, code: str, write: str, read: str
) -> None:
    views = f"""

    @app.get("/<name>")
    def keep(name):
        {write}
        return "kept"


    @app.get("/other")
    def other():
        return str({read})
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of(code) == [
        "A: keep entry keep",
        "A: keep read name",
        f"A: keep write {write}",
        "B: other entry other",
        f"B: other read {read}",
    ]


@pytest.mark.parametrize("value", ['request.args["user"]', 'str(clean(request.args["user"]))'])
def test_a_write_shows_what_it_reads_in_the_same_statement(tree: Write, value: str) -> None:
    views = f"""
    def clean(text):
        return text.strip()


    @app.get("/")
    def keep():
        app.config["USER"] = {value}
        return "kept"


    @app.get("/other")
    def other():
        return helper()


    def helper():
        return app.config["USER"]
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX503") == [
        "A: keep entry keep",
        f'A: keep write app.config["USER"] = {value}',
        "B: other entry other",
        "B: other call helper()",
        'B: helper read app.config["USER"]',
    ]


def test_a_read_outside_of_requests_is_in_none_of_the_two(tree: Write) -> None:
    views = """
    name = None


    @app.get("/")
    def keep():
        global name
        name = request.args["user"]
        return "kept"


    @app.cli.command()
    def report():
        print(name)
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX501") == [
        "keep entry keep",
        'keep write name = request.args["user"]',
        "report read name",
    ]


def test_a_cached_result_leads_from_the_request_that_makes_it_to_another(tree: Write) -> None:
    views = """
    from functools import cache


    @cache
    def name():
        return request.args["user"]


    @app.get("/")
    def index():
        return name()
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX505") == [
        "<module> register cache",
        "A: index entry index",
        "A: index call name()",
        "A: name read request.args",
        "B: index entry index",
        "B: index call name()",
    ]


def test_a_cached_result_that_nobody_is_seen_to_call_for_is_of_no_request(tree: Write) -> None:
    views = """
    from functools import cache


    @cache
    def name():
        return request.args["user"]
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX505") == ["<module> register cache", "name read request.args"]


@pytest.mark.parametrize(
    ("write", "use"),
    [
        ("seen.append(name)", "seen.append(1)"),
        ("seen.append([name])", "seen.insert(0, [])"),
        ('app.config["USER"] = name', 'app.config["USER"] = None'),
        ('app.config["USER"] = name', 'app.extensions["USER"]'),
        ("app.user = name", "seen.user"),
        ("state.user = name", "request.user"),
    ],
)
def test_a_write_and_a_read_of_something_else_are_no_reads(
    tree: Write, write: str, use: str
) -> None:
    views = f"""

    @app.get("/<name>")
    def keep(name):
        {write}
        return "kept"


    @app.get("/other")
    def other():
        {use}
        return "other"
    """
    tree({"app.py": HEAD + dedent(views)})
    results = engine.run(Settings(paths=(".",), select=("CTX503", "CTX504")), "list").results
    paths = [each.finding.path for result in results for each in result.findings]
    assert [path[-1].role for path in paths] == ["write"]


@pytest.mark.parametrize(
    "reader",
    [
        'OTHER = app.config["USER"]',
        '@app.cli.command()\ndef report():\n    print(app.config["USER"])',
    ],
)
def test_what_runs_in_no_request_is_not_another_one(tree: Write, reader: str) -> None:
    view = """
    @app.get("/<name>")
    def keep(name):
        app.config["USER"] = name
        return "kept"
    """
    tree({"app.py": f"{HEAD}{reader}\n{dedent(view)}"})
    assert path_of("CTX503")[-1] == 'keep write app.config["USER"] = name'


@pytest.mark.parametrize("decorator", ["shared_task", "shared_task(bind=True)"])
def test_an_argument_leads_into_its_job(tree: Write, decorator: str) -> None:
    first = "self, " if "bind" in decorator else ""
    views = f"""

    @{decorator}
    def note({first}text, wanted=None):
        {"print(self.name)" if first else "print()"}
        return text, wanted.path


    @app.get("/")
    def index():
        note.delay("a", wanted=request)
        return note.apply_async(args=[1])
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX203") == [
        "index entry index",
        'index boundary note.delay("a", wanted=request)',
        "note read wanted",
    ]


def test_positions_of_a_task_that_takes_itself(tree: Write) -> None:
    views = """

    @shared_task(bind=True)
    def note(self, wanted):
        return self.name, wanted.path


    @app.get("/")
    def index():
        note.delay(request)
        return "noted"
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX203")[-1] == "note read wanted"


def test_a_push_is_led_to_and_leads_to_its_pop(tree: Write) -> None:
    views = """

    @app.get("/")
    def index():
        made = app.test_request_context("/other")
        made.push()
        seen.append(1)
        made.pop()
        return "index"
    """
    tree({"app.py": HEAD + dedent(views)})
    assert path_of("CTX302") == [
        "index entry index",
        'index call app.test_request_context("/other")',
        "index boundary made.push()",
        "index call made.pop()",
    ]


def test_data_comes_from_the_request_that_reads_it(tree: Write) -> None:
    code = """
        preview = None

        def start(path):
            global preview
            preview = path

        @app.get("/feed")
        def feed():
            start("0")
            return preview

        @app.post("/settings")
        def settings():
            start(request.form["path"])
            return preview
        """
    tree({"app.py": HEAD + dedent(code)})
    who = [step.split()[:2] for step in path_of("CTX501")]
    assert ["A:", "settings"] in who
    assert ["A:", "feed"] not in who


def test_a_function_that_calls_itself_passes_data_on_once(tree: Write) -> None:
    code = """
        names = {}

        def keep(name, depth=0):
            names[name, depth] = depth
            if depth < 3:
                keep(name, depth + 1)

        @app.get("/")
        def index():
            keep(request.args["name"])
            return str(names)
        """
    tree({"app.py": HEAD + dedent(code)})
    assert [step.split()[2] for step in path_of("CTX504")].count("call") <= 2
