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
from collections import defaultdict
from typing import NamedTuple
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
        (
            "class C:\n    def __init__(self):\n        self.every = defaultdict(list)\n"
            "    def add(self, g):\n        self.every['f'].append(g)\n"
            "    def call(self):\n        for each in self.every['f']:\n            each()\n"
            "c = C()\nc.add(f)\n" + VIEW + "c.call()\n",
            REQUEST,
        ),
        ("class C(NamedTuple):\n    g: object\n" + VIEW + "C(f).g()\n", REQUEST),
        ("class C(NamedTuple):\n    g: object\n" + VIEW + "C(g=f).g()\n", REQUEST),
        ("class C(NamedTuple):\n    g: object\n" + VIEW + "C(*f).g()\n", UNKNOWN),
        ("class C(ModelView):\n    pass\n" + VIEW + "C(f)\n", UNKNOWN),
        ("def run(one, other):\n    one.g = f\n    other.g()\n" + VIEW + "run(1, 2)\n", REQUEST),
        ("def run(one):\n    one.g = f\n" + VIEW + "run(1)\n", UNKNOWN),
        ("every = [f]\nother = every\nother = f\n" + VIEW + "every[0]()\n    other()\n", REQUEST),
        # Given to a method of something: one of the project, or of what only looks at it.
        (
            "class C:\n    def call(self, g):\n        g()\n"
            "def run(one):\n    one.call(f)\n" + VIEW + "run(1)\n",
            REQUEST,
        ),
        ("def run(g):\n    ' '.join(g)\n    g()\n" + VIEW + "run(f)\n", REQUEST),
        ("def run(g, one):\n    one.remove(g)\n    g()\n" + VIEW + "run(f, 1)\n", REQUEST),
        ("def run(g):\n    app.logger.info(g)\n    g()\n" + VIEW + "run(f)\n", REQUEST),
        ("run = lambda g: g()\n" + VIEW + "run(f)\n", REQUEST),
        # What makes a property of it.
        ("class C:\n    g = property(f)\n" + VIEW + "C().g\n", REQUEST),
        ("class C:\n    pass\nC.g = property(f)\n" + VIEW + "C().g\n", UNKNOWN),
        # Returned, also in a function that calls it.
        (
            "class C:\n    @property\n    def g(self):\n        return f\n" + VIEW + "C().g()\n",
            REQUEST,
        ),
        ("def made():\n    return f\nunknown(made)\n", UNKNOWN),
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
        ("def unused():\n    f()\n", "called only by functions that nothing names"),
        ("unknown(f)\n", "passed to code that is not known"),
        ("f()\n" + VIEW + "f()\n", "it runs in several contexts"),
        ("app.jinja_env.globals['f'] = f\n", "run by templates, wherever they are rendered"),
        ("kept = f\n", "stored where nothing reads it"),
        ("kept = []\nkept.append(f)\n", "stored where nothing reads it"),
        ("kept = {}\nkept['f'] = f\n", "stored where nothing reads it"),
        ("kept = {}\nkept.setdefault('f', []).append(f)\n", "stored where nothing reads it"),
        ("kept = {}\nkept.setdefault('f', f)\n", "stored where nothing reads it"),
        ("kept = [f]\nlen(kept)\n", "nothing names it"),
        ("kept = {}\nkept['f'] = f\nprint(kept.get('f'))\n", "nothing names it"),
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


def test_methods_that_are_looked_up_by_a_name_that_a_variable_holds(tmp_path: Path) -> None:
    text = """\
    class C:
        def dispatch(self, method):
            name = f"do_{method}"
            handler = getattr(self, name, None)
            return handler()

        def do_get(self): pass
        def other(self): pass

    @app.get("/")
    def view():
        return C().dispatch("get")
    """
    assert one(tmp_path, text, "do_get") is REQUEST
    assert reaches(tmp_path, text, "other") == [(UNKNOWN, "nothing names it")]


LOOKED_UP = """\
class C:
    def dispatch(self, name):
        return {use}

    def f(self): pass

    @property
    def g(self): pass

@app.get("/<name>")
def view(name):
    return C().dispatch(name)
"""


def test_methods_that_are_looked_up_by_any_name_run_where_that_is_called(tmp_path: Path) -> None:
    called = LOOKED_UP.format(use="getattr(self, name)()")
    assert one(tmp_path, called) is REQUEST
    assert one(tmp_path, called, "g") is REQUEST
    seen = LOOKED_UP.format(use="isinstance(getattr(self, name), str)")
    reason = "a method that may be looked up by its name"
    assert reaches(tmp_path, seen) == [(UNKNOWN, reason)]


def test_setters_run_where_they_assign(tmp_path: Path) -> None:
    text = """\
    class C:
        @property
        def f(self): return 1

        @f.setter
        def f(self, value): pass

    print(C().f)

    @app.get("/")
    def view():
        C().f = 1
    """
    assert [where for where, _ in reaches(tmp_path, text)] == [OUTSIDE, REQUEST]


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ("from flask import current_app\nprint(current_app.config)\n", APP),
        ("import alembic\n", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_migrations_have_the_context_that_their_runner_uses(
    tmp_path: Path, environment: str | None, where: Where
) -> None:
    (tmp_path / "requirements.txt").write_text("flask\n")
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    path = folder / "0001_first.py"
    path.write_text("from flask import g\n\n\ndef upgrade():\n    pass\n\n\ndef f():\n    pass\n")
    paths = [str(path)]
    if environment is not None:
        (tmp_path / "migrations" / "env.py").write_text(environment)
        paths.append(str(tmp_path / "migrations" / "env.py"))
    project = Project(paths)
    module = project.module(str(path))
    upgrade, other = module.scopes.nodes(ast.FunctionDef)
    reachability = ContextFlow.of(project).reachability
    assert reachability.of_function(module, upgrade).where is where
    assert reachability.of_function(module, other).reason == "nothing names it"


def test_a_copy_of_a_package_in_another_is_that_package(tmp_path: Path) -> None:
    text = """\
    from shop.vendor.tornado.web import RequestHandler

    class C(RequestHandler):
        def prepare(self): pass
    """
    assert one(tmp_path, text, "prepare") is OUTSIDE


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
