"""What has to be proven before an edit, asked of small projects."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from flask_ctxfix.context_flow.caught import caught_around, may_catch
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.named_in_strings import may_be_starred, strings_naming
from flask_ctxfix.obligations.only_use import is_only_named_at
from flask_ctxfix.obligations.order_of_statements import Happened
from flask_ctxfix.obligations.overriding import may_be_called_unseen, may_be_overridden
from flask_ctxfix.obligations.same_context import is_in_same_context
from flask_ctxfix.obligations.same_value import (
    attribute_may_be_set,
    has_one_value,
    is_same_later,
    variable_may_be_set,
)
from flask_ctxfix.obligations.set_between import set_between
from flask_ctxfix.obligations.teardown import ends_unnoticed, fails_at_teardown, torn_down
from flask_ctxfix.obligations.waiting import may_wait
from flask_ctxfix.obligations.which_application import application_of_module, has_one_application
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import FunctionNode
from flask_ctxfix.statements import is_handling, leaves_turn

Made = Callable[..., tuple[Project, Module]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Make a project of files by their names, and return it with the module of the first one."""

    def make(**files: str) -> tuple[Project, Module]:
        paths = [tmp_path / f"{name}.py" for name in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(dedent(text))
        project = Project([str(path) for path in paths])
        return project, project.module(str(paths[0]))

    return make


def function(module: Module, name: str) -> ast.FunctionDef:
    return next(each for each in module.scopes.nodes(ast.FunctionDef) if each.name == name)


def call(module: Module, name: str) -> ast.Call:
    return module.scopes.calls[name][0]


@pytest.mark.parametrize(
    ("text", "of_any", "of_module"),
    [
        ("def f(thing): thing.work = 1", True, False),
        ("import jobs\njobs.work = 1", True, True),
        ("import a.jobs\ndel a.jobs.work", True, True),
        ("import jobs\nsetattr(jobs, 'work', 1)", True, True),
        ("import sys\nsetattr(sys.modules['jobs'], 'work', 1)", True, True),
        ("def f(thing): setattr(thing, 'work', 1)", True, False),
        ("import jobs\njobs.work()", False, False),
        ("work work", True, True),  # cannot be parsed
    ],
)
def test_what_may_be_set(made: Made, text: str, of_any: bool, of_module: bool) -> None:
    project, _ = made(jobs="def work(): pass", other=text)
    assert attribute_may_be_set(project, "work") is of_any
    assert variable_may_be_set(project, "work") is of_module


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1", True),
        ("print(1)", True),
        ("x = 1\nx = 2", False),
        ("x = 1\ndel x", False),
        ("def f():\n    global x\n    x = 1", False),
    ],
)
def test_variables_with_one_value(made: Made, text: str, expected: bool) -> None:
    project, module = made(a=text)
    assert has_one_value(module, project, module.scopes.module, "x") is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("work", True),
        ("jobs.work", True),
        ("jobs.other", False),  # a file sets it
        ("lambda: work()", True),
        ("lambda x=1: x", False),
        ("current_app.work", False),
        ("work()", False),
        ("each", False),
    ],
)
def test_what_is_the_same_in_a_thread(made: Made, target: str, expected: bool) -> None:
    text = f"""
        import jobs
        from flask import current_app

        def work(): pass

        def start(items):
            for each in items:
                Thread({target})
        """
    project, module = made(a=text, b="import jobs\njobs.other = 1")
    start = call(module, "Thread")
    assert is_same_later(start.args[0], start, module, project) is expected


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("def work(): pass\nstart(work)", "", True),
        ("def work(): pass\nstart(work)\nwork()", "", False),
        ("def work(): pass\nstart(work)", "def f(work): pass", True),
        ("def work(): pass\nstart(work)", "from a import work", False),
        ("def work(): pass\nstart(work)", "import a\na.work()", False),
        ("def work(): pass\nstart(work)", "from a import *\nwork()", False),
        ("def work(): pass\nstart(work)", "from a import *\ndef work(): pass\nwork()", True),
        ("def work(): pass\nstart(work)", "task('a:work')", False),
        ("def work(): pass\nstart(work)", "print('work', 'to work')", True),
        ("def work(): pass\nstart(work)\nglobals()['work']()", "", False),
        ("def work(): pass\nstart(work)", "work work", False),
        ("def f():\n    def work(): pass\n    start(work)", "from b import work", True),
    ],
)
def test_what_else_names_a_function(made: Made, text: str, other: str, expected: bool) -> None:
    project, module = made(a=text, b=other)
    known = call(module, "start").args
    assert is_only_named_at(module, project, function(module, "work"), known) is expected


def test_nothing_names_a_lambda(made: Made) -> None:
    project, module = made(a="start(lambda: 1)")
    (node,) = module.scopes.nodes(ast.Lambda)
    assert is_only_named_at(module, project, node, ())


def test_strings_of_an_owner(made: Made) -> None:
    project, module = made(a="patch('app.models.user')\npatch('.user')\nx = 'app.views.user'")
    assert [*strings_naming("user", module, "models")] == ["app.models.user", ".user"]
    assert len([*strings_naming("user", module)]) == 3
    assert not may_be_starred("user", module, project)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", False),
        ("class Heir(Page): pass", False),
        ("class Heir(Page):\n    def show(self): pass", True),
        ("class Mixin:\n    def show(self): pass\nclass Heir(Mixin, Page): pass", True),
        ("class Apart:\n    def show(self): pass", False),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_overriding(made: Made, more: str, expected: bool, elsewhere: bool) -> None:
    page = "class Page:\n    def show(self): pass\n"
    files = {"a": page, "b": f"from a import Page\n{more}"} if elsewhere else {"a": page + more}
    project, module = made(**files)
    owner = module.scopes.nodes(ast.ClassDef)[0]
    assert may_be_overridden(module, project, owner, "show") is expected


def test_files_that_cannot_be_read_may_override(made: Made) -> None:
    project, module = made(a="class Page:\n    def show(self): pass\n", b="Page show Page")
    owner = module.scopes.nodes(ast.ClassDef)[0]
    assert may_be_overridden(module, project, owner, "show")


@pytest.mark.parametrize(
    ("bases", "name", "expected", "without_flask"),
    [
        ("", "work", False, False),
        ("", "__call__", True, True),
        ("Thread", "work", False, False),
        ("dict", "get", False, False),
        ("MethodView", "get", True, False),
        ("MethodView", "work", False, False),
        ("Namespace", "on_join", True, False),
        ("given", "work", True, True),
        ("Model", "work", True, True),
        ("Own", "work", False, False),
    ],
)
def test_unseen_calls(
    made: Made, bases: str, name: str, expected: bool, without_flask: bool
) -> None:
    text = f"""
        from threading import Thread
        from flask.views import MethodView
        from flask_socketio import Namespace
        from peewee import Model

        class Own: pass

        def make(given):
            class Page({bases}):
                def {name}(self): pass
        """
    project, module = made(a=text)
    node = function(module, name)
    assert may_be_called_unseen(module, project, node) is expected
    assert may_be_called_unseen(module, project, node, by_flask=False) is without_flask


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("start()", False),
        ("task = start()\n    task.result()", True),
        ("task = start()\n    task.join(2)", True),
        ("start()\n    ', '.join(x)", False),
        ("task.result()\n    start()", False),
        ("await start()", True),
        ("with lock:\n        start()", False),
        ("with ThreadPoolExecutor() as pool:\n        start()", True),
        ("with anything() as pool:\n        start()", False),
        ("with anything() as pool:\n        pool.submit(start())", True),
    ],
)
def test_who_waits(made: Made, body: str, expected: bool) -> None:
    text = f"""
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

lock = Lock()

async def work(x, task, anything):
    {body}
"""
    project, module = made(a=text)
    assert may_wait(module, project, call(module, "start")) is expected


@pytest.mark.parametrize(
    ("loop", "expected"),
    [("for x in y", True), ("async for x in y", True), ("if y", False)],
)
def test_what_a_loop_comes_back_to(made: Made, loop: str, expected: bool) -> None:
    text = f"""
from flask import g

async def view(y):
    {loop}:
        g.user = 1
        stream()
"""
    project, module = made(a=text)
    made_at = call(module, "stream")
    found = set_between(module, project, made_at, module.span(made_at).end)
    assert any(isinstance(each, ast.Attribute) for each in found) is expected


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ("x = 1", True),
        ("context.push()", False),
        ("context.pop()", False),
    ],
)
def test_contexts_between_two_places(made: Made, between: str, expected: bool) -> None:
    project, module = made(a=f"def f(context):\n    one()\n    {between}\n    other()\n")
    one, other = call(module, "one"), call(module, "other")
    assert is_in_same_context(one, other, module, project) is expected
    assert not is_in_same_context(other, one, module, project)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("except ValueError", False),
        ("except (ValueError, KeyError)", True),
        ("except errors.Missing", False),
        ("except", True),
        ("except known()", True),
    ],
)
def test_which_errors_are_caught(made: Made, handler: str, expected: bool) -> None:
    text = f"import errors\ntry:\n    work()\n{handler}:\n    pass\n"
    project, module = made(a=text)
    assert may_catch(caught_around(module, project, call(module, "work")), "KeyError") is expected


def happened(text: str) -> tuple[bool, list[bool]]:
    tree = ast.parse(dedent(text))
    (node,) = tree.body
    assert isinstance(node, FunctionNode)
    calls = {ast.unparse(each.func): each for each in ast.walk(node) if isinstance(each, ast.Call)}
    walk = Happened(node, lambda each: each is calls["first"], may_hide=lambda manager: False)
    return walk.before(calls["then"]), [is_done for _, is_done in walk.ends]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("first(); then()", True),
        ("then(); first()", False),
        ("x = first() if y else 1; then()", False),
        ("x = first() if y else 1 if then() else 2", False),
        ("x = y and first(); then()", False),
        ("x = first() and then()", True),
        ("x = [first() for z in y]; then()", False),
        ("x = lambda: first(); then()", False),
    ],
)
def test_what_has_happened(body: str, expected: bool) -> None:
    assert happened(f"def f(y):\n    {body}\n")[0] is expected


def test_what_has_happened_at_each_end() -> None:
    text = """
        def f(y):
            if y:
                return then()
            try:
                first()
            except ValueError:
                return 1
            return 2
        """
    assert happened(text) == (False, [False, False, True])


def test_what_code_leaves(made: Made) -> None:
    text = """
        for x in y:
            try:
                for z in x:
                    continue
                if x:
                    break
            except ValueError:
                one()
            finally:
                other()
        """
    _, module = made(a=text)
    (statement,) = module.scopes.nodes(ast.Try)
    (inner,), (outer,) = module.scopes.nodes(ast.Continue), module.scopes.nodes(ast.Break)
    assert not leaves_turn(module, inner, statement)
    assert leaves_turn(module, outer, statement)
    assert is_handling(module, call(module, "one"))
    assert is_handling(module, call(module, "other"))
    assert not is_handling(module, call(module, "other"), finally_=False)
    assert not is_handling(module, inner)


@pytest.mark.parametrize(
    ("body", "fails", "unnoticed"),
    [
        ("g.file.close()", True, False),
        ("g.pop('file')", True, False),
        ("g.pop('file', None)", False, False),
        ("file = g.pop('file', None)\n    if file is not None:\n        file.close()", False, True),
        ("if 'file' in g:\n        g.file.close()", False, True),
        ("if hasattr(g, 'file'):\n        g.file.close()", False, True),
        ("if error:\n        print(error)", False, False),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_teardown_sees(
    made: Made, body: str, fails: bool, unnoticed: bool, elsewhere: bool
) -> None:
    head = "from flask import Flask, g\n"
    close = f"def close(error):\n    {body}\n"
    app = "app = Flask(__name__)\napp.teardown_appcontext"
    files = {"a": f"{head}{close}{app}(close)\n"}
    if elsewhere:
        files = {"a": f"{head}import b\n{app}(b.close)\n", "b": head + close}
    project, _ = made(**files)
    assert fails_at_teardown(project) is fails
    assert ends_unnoticed(project) is unnoticed
    assert ("file" in torn_down(project)) is ("file" in body)


@pytest.mark.parametrize("registered", ["app.teardown_appcontext(given)", "close close"])
def test_teardown_that_nobody_knows(made: Made, registered: str) -> None:
    text = "teardown_appcontext " if registered == "close close" else ""
    project, _ = made(a="from flask import Flask\n", b=f"{text}{registered}")
    assert not fails_at_teardown(project)
    assert not ends_unnoticed(project)


def test_which_applications_there_are(made: Made) -> None:
    project, module = made(a="from flask import Flask\napp = Flask(__name__)\n")
    assert (application_of_module(module, project), has_one_application(project)) == ("app", True)
    other = "import a\nfrom flask import Flask\na.app = Flask(__name__)\n"
    project, module = made(a=module.text, b=other)
    assert (application_of_module(module, project), has_one_application(project)) == (None, False)
