"""What is advised where data of a request is kept: it has to be right for who follows it."""

from collections.abc import Callable
from textwrap import dedent

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import Finding
from flask_ctxfix.settings import Settings

Write = Callable[[dict[str, str | bytes]], None]

HEAD = """\
from flask import Flask, request, session
from flask.views import MethodView
from flask_caching import Cache
from flask_login import current_user, login_required

app = Flask(__name__)
cache = Cache(app)
state = {}
"""


def advice_on(tree: Write, code: str, program: str) -> Finding:
    """Return the only finding with this code, which says what to do."""
    tree({"app.py": HEAD + dedent(program)})
    results = engine.run(Settings(paths=(".",), select=(code,)), "list").results
    (found,) = [each.finding for result in results for each in result.findings]
    return found


def test_what_another_request_reads_is_not_for_g(tree: Write) -> None:
    advice = advice_on(
        tree,
        "CTX504",
        """
        @app.post("/choose")
        def choose():
            state["choice"] = request.form["choice"]
            return ""


        @app.get("/chosen")
        def chosen():
            return state["choice"]
        """,
    )
    assert advice.help == "keep the value in `session` for one user, or in a database for all"
    assert "another request reads the value, so `g` is too short-lived" in advice.notes


def test_what_one_request_writes_and_reads_is_for_g(tree: Write) -> None:
    advice = advice_on(
        tree,
        "CTX504",
        """
        @app.post("/choose")
        def choose():
            state["choice"] = request.form["choice"]
            return chosen()


        def chosen():
            return state["choice"]
        """,
    )
    assert advice.help == "keep the value in `g`, which ends with the request"


VIEW = """
class Show(MethodView):
    {settings}errors = []

    def get(self):
        self.errors.append(request.args["a"])
        return {here}

    def post(self):
        return {there}


app.add_url_rule("/", view_func=Show.as_view("show"))
"""
ERRORS = '",".join(self.errors)'


@pytest.mark.parametrize(
    ("settings", "here", "there", "expected"),
    [
        ("", ERRORS, '""', "use a local variable of `get`: `errors = []`"),
        ("", '""', ERRORS, "make a new one for each request, in `__init__`: `self.errors = []`"),
        (
            "init_every_request = False\n    ",
            ERRORS,
            '""',
            "keep the values in a database, or delete those that are no longer needed",
        ),
    ],
)
def test_what_a_view_collects_belongs_into_the_request(
    tree: Write, settings: str, here: str, there: str, expected: str
) -> None:
    program = VIEW.format(settings=settings, here=here, there=there)
    assert advice_on(tree, "CTX504", program).help == expected


def test_what_a_default_collects_belongs_into_the_call(tree: Write) -> None:
    advice = advice_on(
        tree,
        "CTX504",
        """
        @app.get("/")
        def index():
            return collect()


        def collect(found=[]):
            found.append(request.args["a"])
            return ",".join(found)
        """,
    )
    assert advice.help.startswith("set the default to `found=None`")


@pytest.mark.parametrize(
    ("guard", "read", "expected"),
    [
        ("@login_required", "current_user.name", "add the user's id to the cache key"),
        ("", "current_user.name", "add the user's id to the cache key"),
        ("@login_required", 'request.args["tab"]', "add the user's id to the cache key"),
        ("", 'session["name"]', "add the user's id to the cache key"),
        ("", 'request.args["tab"]', "add the value to the cache key, with `query_string=True`"),
        ("", 'request.headers["X-Tab"]', "add the value to the cache key with `make_cache_key`"),
    ],
)
def test_a_key_has_to_hold_what_the_page_shows(
    tree: Write, guard: str, read: str, expected: str
) -> None:
    program = f"""
    @app.get("/page")
    {guard}
    @cache.cached(timeout=50)
    def page():
        return {read}
    """
    assert advice_on(tree, "CTX505", program).help.startswith(expected)


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ('@app.get("/page")', "read the value in the view, and pass the value"),
        ("", "read `request.args` in `other`"),
    ],
)
def test_a_view_has_no_caller_to_read_a_value(tree: Write, route: str, expected: str) -> None:
    program = f"""
    {route}
    @cache.memoize(timeout=50)
    def page():
        return request.args["tab"]


    @app.get("/other")
    def other():
        return page()
    """
    assert advice_on(tree, "CTX505", program).help.startswith(expected)


def test_a_key_that_is_the_same_in_each_request_is_no_growth(tree: Write) -> None:
    found = advice_on(
        tree,
        "CTX504",
        """
        def linked(key):
            def view():
                state[key] = request.url_root
                return state[key]

            return view


        app.add_url_rule("/", "first", linked("first"))
        """,
    )
    assert "`state[key]`" in found.message
    assert "grow" not in found.message


@pytest.mark.parametrize(
    ("first", "start", "has_g"),
    [("len('x')", "show()", True), ("None", "Thread(target=show)", False)],
)
def test_help_leaves_out_what_the_reason_rules_out(
    tree: Write, first: str, start: str, has_g: bool
) -> None:
    found = advice_on(
        tree,
        "CTX501",
        f"""
        from threading import Thread
        name = {first}


        @app.get("/set")
        def change():
            global name
            name = request.args["name"]
            {start}.start()
            return ""


        def show():
            print(name)
        """,
    )
    assert found.no_fix_reason is not None
    assert ("`g`" in found.help) is has_g


BANNER = """
banner = ""


@app.post("/banner")
{guard}def publish():
    global banner
    banner = request.form["banner"]
    return ""


@app.get("/")
{reading}def index():
    return banner
"""


@pytest.mark.parametrize(
    ("guard", "reading", "level"),
    [
        ("@login_required\n", "", "warning"),
        ("@login_required\n", "@login_required\n", "error"),
        ("", "", "error"),
    ],
)
def test_what_those_who_are_let_in_publish_is_perhaps_for_all(
    tree: Write, guard: str, reading: str, level: str
) -> None:
    found = advice_on(tree, "CTX501", BANNER.format(guard=guard, reading=reading))
    assert found.level == level


def test_what_a_test_of_the_role_lets_in_is_perhaps_for_all(tree: Write) -> None:
    found = advice_on(
        tree,
        "CTX501",
        """
        word = ""


        @app.post("/word")
        def choose():
            global word
            if session.get("role") != "admin":
                return "no", 403
            word = request.form["word"]
            return ""


        @app.get("/")
        def index():
            return word
        """,
    )
    assert found.level == "warning"
