"""What Flask and the libraries call, in which context, and what follows from it for others."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flask_ctxfix.context_flow import ContextFlow, Where
from flask_ctxfix.project import Project

IMPORTS = """\
import atexit
import click
import dash
from blinker import Namespace
from celery import shared_task
from functools import partial
from threading import Thread
from flask import Blueprint, Flask, after_this_request, request_started
from flask.cli import FlaskGroup
from flask.views import MethodView, View
from flask_admin.contrib.sqla import ModelView
from flask_jwt_extended import JWTManager
from flask_login import LoginManager
from flask_restful import Api, Resource
from flask_socketio import SocketIO
from sqlalchemy import event

app = Flask(__name__)
bp = Blueprint("bp", __name__)
api = Api(app)
login = LoginManager(app)
jwt = JWTManager(app)
socketio = SocketIO(app)
signals = Namespace()
paid = signals.signal("paid")
"""

REQUEST, APP, OUTSIDE = Where.REQUEST, Where.APP, Where.OUTSIDE
ENDING, UNKNOWN = Where.ENDING, Where.UNKNOWN


def reaches(tmp_path: Path, text: str, name: str = "f") -> list[tuple[Where, str]]:
    """Return where the functions of a name run, and why that is unknown."""
    path = tmp_path / "app.py"
    path.write_text(IMPORTS + dedent(text))
    project = Project([str(path)])
    module = project.module(str(path))
    flow = ContextFlow.of(project)
    functions = [each for each in module.scopes.nodes(ast.FunctionDef) if each.name == name]
    found = [flow.reachability.of_function(module, each) for each in functions]
    return [(each.where, each.reason) for each in found]


def one(tmp_path: Path, text: str, name: str = "f") -> Where:
    ((where, _),) = reaches(tmp_path, text, name)
    return where


@pytest.mark.parametrize(
    ("decorator", "where"),
    [
        ("app.route('/')", REQUEST),
        ("bp.before_app_request", REQUEST),
        ("app.errorhandler(404)", REQUEST),
        ("bp.teardown_app_request", ENDING),
        ("login.user_loader", REQUEST),
        ("jwt.token_in_blocklist_loader", REQUEST),
        ("socketio.on('message')", REQUEST),
        ("dash.callback()", REQUEST),
        ("after_this_request", REQUEST),
        ("request_started.connect_via(app)", REQUEST),
        ("app.cli.command()", APP),
        ("app.cli.command(with_appcontext=False)", UNKNOWN),
        ("click.command()", OUTSIDE),
        ("shared_task", OUTSIDE),
        ("atexit.register", OUTSIDE),
        ("app.template_filter()", UNKNOWN),
        ("event.listens_for(object, 'load')", UNKNOWN),
        ("bp.record_once", OUTSIDE),
    ],
)
def test_decorators(tmp_path: Path, decorator: str, where: Where) -> None:
    assert one(tmp_path, f"@{decorator}\ndef f(*args):\n    pass\n") is where


@pytest.mark.parametrize(
    ("call", "where"),
    [
        ("app.add_url_rule('/', 'f', f)", REQUEST),
        ("app.add_url_rule('/', view_func=f)", REQUEST),
        ("app.before_request(f)", REQUEST),
        ("app.register_error_handler(404, f)", REQUEST),
        ("app.teardown_appcontext(f)", ENDING),
        ("app.before_request_funcs.setdefault(None, []).append(f)", REQUEST),
        ("app.view_functions['f'] = f", REQUEST),
        ("app.jinja_env.filters['f'] = f", UNKNOWN),
        ("request_started.connect(f, app)", REQUEST),
        ("atexit.register(f)", OUTSIDE),
        ("Thread(target=f).start()", OUTSIDE),
        ("Thread(target=partial(f, 1)).start()", OUTSIDE),
        ("sorted([], key=f)", OUTSIDE),
    ],
)
def test_registrations(tmp_path: Path, call: str, where: Where) -> None:
    assert one(tmp_path, f"def f(*args):\n    pass\n\n{call}\n") is where


@pytest.mark.parametrize(
    ("base", "name", "where"),
    [
        ("MethodView", "get", REQUEST),
        ("View", "dispatch_request", REQUEST),
        ("Resource", "post", REQUEST),
        ("ModelView", "on_model_change", REQUEST),
        ("Thread", "run", OUTSIDE),
        ("ModelView", "helper", UNKNOWN),
    ],
)
def test_methods_of_classes(tmp_path: Path, base: str, name: str, where: Where) -> None:
    assert one(tmp_path, f"class C({base}):\n    def {name}(self): pass\n", name) is where


def test_a_command_of_a_group_has_the_context_of_its_class(tmp_path: Path) -> None:
    text = """\
    @click.group(cls=FlaskGroup)
    def with_context(): pass

    @click.group()
    def without(): pass

    @with_context.command()
    def f(): pass

    @without.command()
    def f(): pass
    """
    assert [where for where, _ in reaches(tmp_path, text)] == [APP, OUTSIDE]


def test_a_receiver_runs_where_its_signal_is_sent(tmp_path: Path) -> None:
    text = """\
    @paid.connect
    def f(sender): pass

    @app.post("/")
    def pay():
        paid.send(app)
    """
    assert one(tmp_path, text) is REQUEST


COMMAND = "\n@click.command()\ndef command():\n    "
VIEW = '\n@app.get("/")\ndef view():\n    '


@pytest.mark.parametrize(
    ("text", "where"),
    [
        # Given to functions that call it, or that start it.
        ("def run(g):\n    g()\n" + VIEW + "run(f)\n", REQUEST),
        ("def run(g):\n    Thread(target=g).start()\n" + VIEW + "run(f)\n", OUTSIDE),
        ("def run(g):\n    with app.app_context():\n        g()\n" + COMMAND + "run(f)\n", APP),
        ("def run(*every):\n    for each in every:\n        each()\n" + VIEW + "run(f)\n", REQUEST),
        ("def run(g):\n    unknown(g)\n" + VIEW + "run(f)\n", UNKNOWN),
        # Kept, and called from there.
        ("table = {'f': f}\n" + VIEW + "table['f']()\n", REQUEST),
        ("every = []\nevery.append(f)\n" + VIEW + "[each() for each in every]\n", REQUEST),
        ("every = []\nevery.append(f)\n" + VIEW + "len(every)\n", UNKNOWN),
        (
            "class C:\n    def __init__(self, g):\n        self.g = g\n    def call(self):\n"
            "        self.g()\n" + VIEW + "C(f).call()\n",
            REQUEST,
        ),
        # Returned, also in a function that calls it.
        ("def made():\n    return f\n" + VIEW + "made()()\n", REQUEST),
        (
            "def within(g):\n    def inner():\n        g()\n    return inner\n"
            + VIEW
            + "within(f)()\n",
            REQUEST,
        ),
        # Called only by what nothing calls, or by both.
        ("def unused():\n    f()\n", UNKNOWN),
        ("def unused():\n    f()\n" + VIEW + "f()\n", REQUEST),
        ("f()\n" + VIEW + "f()\n", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_functions_that_are_held(tmp_path: Path, text: str, where: Where) -> None:
    assert one(tmp_path, "def f(*args):\n    pass\n\n" + text) is where


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "nothing names it"),
        ("def unused():\n    f()\n", "called only by what nothing calls"),
        ("unknown(f)\n", "given to what is not known"),
        ("f()\n" + VIEW + "f()\n", "it runs in several contexts"),
        ("app.jinja_env.globals['f'] = f\n", "run by templates, wherever one is rendered"),
        ("kept = f\n", "kept where nothing reads it"),
    ],
)
def test_reasons(tmp_path: Path, text: str, reason: str) -> None:
    assert reaches(tmp_path, "def f(*args):\n    pass\n\n" + text) == [(UNKNOWN, reason)]


def test_overrides_are_called_through_the_class_that_they_override(tmp_path: Path) -> None:
    text = """\
    class Handler:
        def handle(self):
            return self.f()

        def f(self): pass

    class Own(Handler):
        def f(self): pass

    class Another:
        def f(self): pass

    @app.get("/")
    def view():
        return Own().handle()
    """
    assert [where for where, _ in reaches(tmp_path, text)] == [REQUEST, REQUEST, UNKNOWN]


def test_classes_that_are_called_run_what_makes_calls_and_enters_their_instances(
    tmp_path: Path,
) -> None:
    text = """\
    class C:
        def __init__(self): pass
        def __call__(self): pass
        def __enter__(self): pass
        def __str__(self): pass

    class D(C):
        pass

    @app.get("/")
    def view():
        with D():
            D()()
    """
    for name in ("__init__", "__call__", "__enter__"):
        assert one(tmp_path, text, name) is REQUEST
    assert reaches(tmp_path, text, "__str__") == [(UNKNOWN, "a method that Python itself calls")]


def test_properties_run_where_they_are_read(tmp_path: Path) -> None:
    text = """\
    class C:
        @property
        def f(self): pass

    @app.get("/")
    def view():
        return C().f
    """
    assert one(tmp_path, text) is REQUEST


def test_methods_that_are_looked_up_by_a_part_of_their_name(tmp_path: Path) -> None:
    text = """\
    class C:
        def dispatch(self, method):
            return getattr(self, "do_" + method)()

        def do_get(self): pass

    @app.get("/")
    def view():
        return C().dispatch("get")
    """
    assert one(tmp_path, text, "do_get") is REQUEST


def test_decorators_of_the_project(tmp_path: Path) -> None:
    text = """\
    def in_context(g):
        def inner():
            with app.app_context():
                return g()
        return inner

    @in_context
    def f(): pass

    @click.command()
    def command():
        f()
    """
    assert one(tmp_path, text) is APP
