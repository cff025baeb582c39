"""How rules fail is what their own examples print, and their fixes end it: each runs by itself."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import NamedTuple

import pytest

from tests.test_rules import RULES, headings, section

FLASK = tuple(map(int, re.findall(r"\d+", version("flask"))[:3]))


class Run(NamedTuple):
    """What is run behind an example, the error that its page shows, and where it can be run."""

    driver: str
    error: str
    needs: str = "flask"
    since: tuple[int, ...] = (2, 2)
    before: tuple[int, ...] = (4,)
    after: str = ""  # what the fixed example prints, if it can run without more
    setup: str = ""  # what stands above the example

    @property
    def can_run(self) -> bool:
        """Whether the installed packages are those that the page tells of."""
        return find_spec(self.needs) is not None and self.since <= FLASK < self.before


POST = "client = app.test_client()\nprint(client.post({!r}).status)\n"
ASYNC = (
    "app.async_to_sync = lambda function: lambda *a, **k: asyncio.run(function(*a, **k))\n"
    "app.testing = True\n"
)
OVERLAPPING = "import threading, time\nmeet, entered = threading.Barrier(2), []\n"
# The task that has entered the context first leaves it first.
LEAVES_FIRST = "entered.append(n); meet.wait(); entered[0] == n or time.sleep(0.5)\n"
JOB = "from celery import Celery\nCelery(broker='memory://').set_default()\n"
RUNS = {
    "CTX101": Run(POST.format("/export"), "RuntimeError: Working outside of request context."),
    "CTX102": Run(POST.format("/jobs"), "RuntimeError: Working outside of application context."),
    "CTX103": Run(
        "app = Flask('shop')\nwith app.app_context():\n    notify('hello')\n",
        "RuntimeError: Working outside of application context.",
        after="shop hello",
    ),
    "CTX104": Run(
        "app.testing = True\nprint(app.test_client().get('/prices').json)\n",
        "was created in a different Context",
        before=(3, 2),
        setup=OVERLAPPING,
        after="['0 for /prices', '1 for /prices']",
    ),
    "CTX105": Run(
        "app.test_client().post('/export', headers={'X-Tenant': 'ann'})\n",
        "AttributeError: tenant",
        after="ann /export",
    ),
    "CTX106": Run(
        f"{ASYNC}print('at', app.test_client().get('/').text)\n",
        "RuntimeError: Working outside of request context.",
        after="at /",
    ),
    "CTX201": Run(
        "report.apply(args=('sent',), throw=True)\n",
        "RuntimeError: Working outside of application context.",
        needs="celery",
        after="sent",
    ),
    "CTX202": Run(
        "audit.apply(args=('bill',), throw=True)\n",
        "RuntimeError: Working outside of request context.",
        needs="celery",
    ),
    "CTX203": Run(
        "app.testing = True\napp.test_client().post('/audit')\n",
        "kombu.exceptions.EncodeError: Object of type Request is not JSON serializable",
        needs="celery",
        setup=JOB,
    ),
    "CTX301": Run(
        "for query in ('?user=ann', ''):\n"
        "    print(f'GET /{query:11}', app.test_client().get('/' + query).text)\n",
        "GET /?user=ann   ann\nGET /            ann",
        before=(3, 2),
        after="GET /?user=ann   ann\nGET /            nobody",
    ),
    "CTX303": Run(
        "app.testing = True\nprint(app.test_client().get('/').text)\n",
        "AttributeError: user",
        before=(3, 2),
        after="of ann",
    ),
    "CTX304": Run(
        "for user in ('ann', 'bob'):\n"
        "    with app.test_request_context():\n"
        "        start_job(user)\n"
        "with app.test_request_context():\n"
        "    print('of the next request:', flask.g)\n",
        "of the next request: bob",
    ),
    "CTX305": Run("print(link_for_mail())\n", "http://localhost/"),
    "CTX401": Run(
        "", "ImportError: cannot import name '_request_ctx_stack' from 'flask'", since=(3,)
    ),
    "CTX402": Run("", "ImportError: cannot import name '_app_ctx_stack' from 'flask'", since=(3,)),
    "CTX403": Run("", "ImportError: cannot import name '_lookup_app_object' from 'flask.globals'"),
    "CTX404": Run(
        "print(app.config['WARM'])\n",
        "AttributeError: 'Flask' object has no attribute 'before_first_request'",
        since=(2, 3),
        after="True",
    ),
    "CTX405": Run(
        "from flask import Flask\nopen_context(Flask('shop'), {})\n",
        "TypeError: AppContext.__init__() takes 2 positional arguments but 3 were given",
        since=(3, 2),
    ),
    "CTX406": Run(
        "print(can_send())\n",
        "ImportError: cannot import name 'signals_available' from 'flask'",
        since=(3,),
        after="True",
    ),
    "CTX407": Run(
        "from flask import Flask\nwith Flask('shop').app_context():\n    print(path())\n",
        "RuntimeError: There is no request in this context.",
        since=(3, 2),
        after="None",
    ),
    "CTX507": Run(
        "app.testing = True\nclient = app.test_client()\n"
        "print(client.post('/login', data={'name': 'ann'}).text)\nclient.get('/mail')\n",
        "AttributeError: user",
    ),
    "CTX601": Run(
        "print(app.test_client().get('/export?page=7').text)\n",
        "RuntimeError: Working outside of request context.",
        after="7",
    ),
}
# Of these, other tests run the examples: test_pushed_contexts, test_what_texts_say_of_kept_data.
RUN_ELSEWHERE = {"CTX501", "CTX502", "CTX503", "CTX504", "CTX505", "CTX506"}
# These have more to show than their example: a program each, and what the page says that it prints.
LEAVES = """
from flask import Flask
app = Flask("shop")
app.testing = True


@app.get("/")
def index():
    app.app_context().push()
    return "left"


app.test_client().get("/")
"""
LEAVES_OFTEN = """
import tempfile
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

app = Flask("shop")
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tempfile.mkdtemp()}/shop.db"
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_timeout": 0.1}
db = SQLAlchemy(app)
for _ in range(16):
    app.app_context().push()
    db.session.execute(text("SELECT 1"))
"""
CHANGES_LATE = f"""{section(RULES["CTX602"], "Before")}
app.secret_key = "shop"
client = app.test_client()
print(client.get("/export").text)
with client.session_transaction() as saved:
    print(dict(saved))
"""
STREAMS_LATE = """
import asyncio
from flask import Flask, Response, request, stream_with_context

app = Flask("shop")
app.testing = True
app.async_to_sync = lambda function: lambda *a, **k: asyncio.run(function(*a, **k))


@app.get("/")
async def index():
    def rows():
        yield request.path

    return Response(stream_with_context(rows()))


print(app.test_client().get("/").text)
"""
MORE = [
    ("CTX302", Run(LEAVES, "AssertionError: Popped wrong app context.", before=(3, 2))),
    (
        "CTX302",
        Run(
            LEAVES_OFTEN,
            "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached",
            needs="flask_sqlalchemy",
        ),
    ),
    ("CTX602", Run(CHANGES_LATE, "one\n{}")),
    (
        "CTX602",
        Run(STREAMS_LATE, "was created in a different Context", before=(3, 1, 2)),
    ),
]


def printed(code: str, heading: str) -> str:
    """Return all that an example prints with what is run behind it."""
    run = RUNS[code]
    example = section(RULES[code], heading)
    if run.setup is OVERLAPPING:  # let the tasks overlap, as they may
        example = example.replace("return f", f"{LEAVES_FIRST}        return f")
    return output(f"{run.setup}{example}{run.driver}")


def output(program: str) -> str:
    """Return all that a program prints, with the error that it ends in."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.stdout


def shown(code: str) -> str:
    """Return what the page of a rule says of how it fails, with lines that are not wrapped."""
    return section(RULES[code], "How it fails")


def test_every_rule_is_run() -> None:
    assert RUNS.keys() | RUN_ELSEWHERE | {code for code, _ in MORE} == RULES.keys()


@pytest.mark.parametrize("code", RUNS)
def test_the_page_shows_the_error_that_its_example_ends_in(code: str) -> None:
    run = RUNS[code]
    lines = [re.sub(r"^    ", "", line) for line in shown(code).splitlines()]
    if code == "CTX304":  # nothing is raised, so that the page has no text of it
        assert "An overwritten proxy raises nothing." in lines
    else:
        assert run.error.splitlines()[0] in "\n".join(lines)
    if not run.can_run:
        pytest.skip("the page tells of another Flask, or of a package that is not installed")
    assert run.error in printed(code, "Before")


@pytest.mark.parametrize("code", [code for code in RUNS if "After" in headings(RULES[code])])
def test_the_fix_of_an_example_ends_its_error(code: str) -> None:
    run = RUNS[code]
    if not run.can_run:
        pytest.skip("the page tells of another Flask, or of a package that is not installed")
    fixed = printed(code, "After")
    assert "Error" not in fixed
    assert run.after in fixed
    assert run.error not in fixed


@pytest.mark.parametrize(("code", "run"), MORE)
def test_the_page_shows_what_else_goes_wrong(code: str, run: Run) -> None:
    if run.driver is CHANGES_LATE:  # no error is raised
        assert "a change in the stream is lost" in " ".join(shown(code).split())
    else:
        assert run.error in shown(code)
    if not run.can_run:
        pytest.skip("the page tells of another Flask, or of a package that is not installed")
    assert run.error in output(run.driver)
