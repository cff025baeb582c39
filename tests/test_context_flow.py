"""What functions need, what guards them, and where they run."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flask_ctxfix.codemod import Definition
from flask_ctxfix.context_flow import ContextFlow, Need, Where
from flask_ctxfix.context_flow.values import Function
from flask_ctxfix.project import Project
from flask_ctxfix.steps import definition_of, function_at, step_at


def flow_of(tmp_path: Path, **modules: str) -> tuple[Project, ContextFlow]:
    paths = []
    for name, text in modules.items():
        path = tmp_path / f"{name}.py"
        path.write_text(dedent(text))
        paths.append(str(path))
    project = Project(paths)
    return project, ContextFlow.of(project)


def function(project: Project, path: Path, name: str) -> Function:
    module = project.module(str(path))
    node = next(n for n in module.scopes.nodes(ast.FunctionDef) if n.name == name)
    return Function(module, node)


IMPORTS = """\
import flask as f
from contextlib import contextmanager, suppress
from flask import Flask, current_app, g, has_request_context, request, session, url_for
from flask import current_app as ca
from flask_sqlalchemy import SQLAlchemy
from werkzeug.local import LocalProxy

class Alchemy(SQLAlchemy):
    pass

db = Alchemy()
class User(db.Model):
    pass
user = LocalProxy(lambda: g.user)
app = Flask(__name__)

@contextmanager
def in_context():
    with app.app_context():
        yield

def with_app(function):
    def wrapper(*args):
        with app.app_context():
            return function(*args)
    return wrapper

def passing(function):
    def wrapper(*args):
        return function(*args)
    return wrapper

def read(source):
    return source.path

class Base:
    @property
    def path(self):
        return request.path
    def find(self):
        return User.query

class Report(Base):
    def __init__(self):
        self.base = Base()
    def find(self):
        return super().find()

"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return request.path", "request.path"),
        ("return f.request.args", "f.request.args"),
        ("return session['uid']", "session['uid']"),
        ("return 'x' in g", "g"),
        ("return f'{request}'", "request"),
        ("return ca.name", "ca.name"),
        ("return user.name", "g.user"),
        ("db.session.commit()", "db.session"),
        ("return User.query.all()", "User.query"),
        ("return read(request)", "source.path"),
        ("return Base().path", "request.path"),
        ("return Report().find()", "User.query"),
        ("return Report().base.path", "request.path"),
        ("return [x for x in request.args]", "request.args"),
        ("try:\n        request.path\n    except ValueError:\n        pass", "request.path"),
        ("try:\n        print(request.path)\n    except Exception:\n        pass", "request.path"),
        ("with current_app.app_context():\n        db.session", "current_app.app_context"),
        ("return url_for('x')", "url_for"),
        ("return getattr(g, 'x', None)", "g"),
    ],
)
def test_what_needs_a_context(tmp_path: Path, body: str, expected: str) -> None:
    project, flow = flow_of(tmp_path, app=f"{IMPORTS}def work():\n    {body}\n")
    summary = flow.needs.of(function(project, tmp_path / "app.py", "work"))
    assert [use.name for use in summary.uses] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        "return bool(request)",
        "return print(request)",
        "if has_request_context():\n        request.path",
        "if not has_request_context():\n        return\n    request.path",
        "return request.path if request else None",
        "return request and request.path",
        "return not has_request_context() or request.path",
        "try:\n        request.path\n    except RuntimeError:\n        pass",
        "try:\n        value = request.path\n    except Exception:\n        value = None",
        "with suppress(RuntimeError):\n        request.path",
        "with app.app_context():\n        db.session",
        "context = app.app_context()\n    with context:\n        db.session",
        "app.app_context().push()\n    db.session",
        "with in_context():\n        db.session",
        "with app.test_request_context():\n        request.path",
        "request = open('x')\n    request.path",
        "@app.route('/')\n    def view():\n        return request.path",
        "return lambda: request.path",
    ],
)
def test_what_needs_none(tmp_path: Path, body: str) -> None:
    project, flow = flow_of(tmp_path, app=f"{IMPORTS}def work():\n    {body}\n")
    assert flow.needs.of(function(project, tmp_path / "app.py", "work")).uses == ()


@pytest.mark.parametrize(("argument", "need"), [("True", Need.REQUEST), ("False", Need.NONE)])
def test_what_a_switch_turns_off_is_not_needed(tmp_path: Path, argument: str, need: Need) -> None:
    switched = "def tell(loud):\n    if loud and g_is_there():\n        request.path\n"
    text = f"{IMPORTS}{switched}def work():\n    tell(loud={argument})\n"
    project, flow = flow_of(tmp_path, app=text)
    assert flow.needs.of(function(project, tmp_path / "app.py", "work")).need is need


def test_certainty_and_the_way(tmp_path: Path) -> None:
    tasks = """
        from flask import request
        def work(flag):
            if flag:
                deep()
        def deep():
            return request.args
    """
    project, flow = flow_of(tmp_path, tasks=tasks)
    (use,) = flow.needs.of(function(project, tmp_path / "tasks.py", "work")).uses
    assert use.need is Need.REQUEST
    assert not use.is_certain
    call, read = use.steps
    assert (call.role, call.code, call.row, call.column, call.end_column) == (
        *("call", "deep()"),
        *(5, 9, 15),
    )
    assert (read.role, read.code, read.row, read.column) == ("read", "request.args", 7, 12)
    assert [step.function and step.function.name for step in use.steps] == ["work", "deep"]


def test_steps_lead_back_to_their_functions(tmp_path: Path) -> None:
    views = """
        from flask import Flask, request
        app = Flask(__name__)
        @app.get("/é"); f = 1
        def show(): return (lambda: first(second))()
        def first(then): return then()
        def second(): return request.args
    """.replace("; f = 1", "")
    project, flow = flow_of(tmp_path, views=views)
    module = project.module(str(tmp_path / "views.py"))
    (read,) = (each for each in module.scopes.nodes(ast.Name) if each.id == "first")
    reach = flow.reachability.of(module, read)
    steps = [(step.role, step.kind, step.code) for step in reach.steps]
    assert steps == [("entry", "view", "show"), ("call", "", "(lambda: first(second))()")]
    for step in (*reach.steps, step_at(module, read, "read")):
        assert step.function is not None
        found = function_at(module, project, step.function)
        assert found is not None
        assert definition_of(*found) == step.function
    assert (
        function_at(module, project, Definition("show", str(tmp_path / "views.py"), 99, 0)) is None
    )
    assert function_at(module, project, Definition("show", str(tmp_path / "no.py"), 1, 0)) is None


@pytest.mark.parametrize(
    ("decorator", "need"),
    [("with_app", Need.NONE), ("passing", Need.APP), ("unknown", Need.NONE)],
)
def test_decorators_of_the_project_are_followed(tmp_path: Path, decorator: str, need: Need) -> None:
    text = f"{IMPORTS}from x import unknown\n@{decorator}\ndef work():\n    db.session\n"
    project, flow = flow_of(tmp_path, app=text + "work\n")
    module = project.module(str(tmp_path / "app.py"))
    statement = module.tree.body[-1]
    assert isinstance(statement, ast.Expr)
    assert flow.needs.of(flow.values.of(module, statement.value)).need is need


def test_where_code_runs(tmp_path: Path) -> None:
    app = """
        import click
        from flask import Blueprint, Flask
        from flask.views import MethodView
        from helpers import both, inner, stored, view_only
        bp = Blueprint("bp", __name__)
        @bp.get("/")
        def view():
            view_only()
            both()
        class Item(MethodView):
            def get(self):
                view_only()
        def late():
            pass
        bp.add_url_rule("/late", view_func=late)
        @click.command()
        def command():
            both()
        table = [stored]
        def create_app():
            setup()
            return Flask("x")
        def setup():
            pass
    """
    helpers = """
        def view_only():
            inner()
        def inner():
            pass
        def both():
            pass
        def stored():
            pass
        def nobody():
            pass
    """
    project, flow = flow_of(tmp_path, app=app, helpers=helpers)

    def where(module: str, name: str) -> Where:
        found = function(project, tmp_path / f"{module}.py", name)
        return flow.reachability.of_function(found.module, found.node).where

    assert where("app", "view") is Where.REQUEST
    assert where("app", "get") is Where.REQUEST
    assert where("app", "late") is Where.REQUEST
    assert where("app", "command") is Where.OUTSIDE
    assert where("app", "setup") is Where.OUTSIDE
    assert where("helpers", "view_only") is Where.REQUEST
    assert where("helpers", "inner") is Where.REQUEST
    assert where("helpers", "both") is Where.UNKNOWN
    assert where("helpers", "stored") is Where.UNKNOWN
    assert where("helpers", "nobody") is Where.UNKNOWN


@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("length", [1, 3, 100, 2000])
def test_whether_helpers_ask_for_a_context(tmp_path: Path, length: int, is_circle: bool) -> None:
    last = "f0()" if is_circle else "pass"
    for asking, expected in (("has_request_context()", True), ("pass", False)):
        calls = [f"f{number + 1}()" for number in range(length)]
        functions = "".join(
            f"def f{number}():\n    {call}\n" for number, call in enumerate([*calls, last])
        )
        text = f"from flask import has_request_context\n{functions}    {asking}\n"
        project, flow = flow_of(tmp_path, app=text)
        for number in (length // 2, 0, length):
            asked = function(project, tmp_path / "app.py", f"f{number}")
            assert flow.guards.is_for_both(asked.module, asked.node) is expected


def test_a_test_that_never_ends_well(tmp_path: Path) -> None:
    """What a helper proves that only raises is of no matter, as nothing runs behind it."""
    project, flow = flow_of(
        tmp_path,
        app="from flask import request\ndef check():\n    raise LookupError\n\n"
        "def work():\n    if check():\n        return request.path\n",
    )
    assert flow.needs.of(function(project, tmp_path / "app.py", "work")).uses == ()
