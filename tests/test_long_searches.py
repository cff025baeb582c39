"""Searches through classes, exceptions and functions end where these do, not at some length."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flask_ctxfix import engine
from flask_ctxfix.applications import class_kind
from flask_ctxfix.codemods.removed_apis import kept_contexts
from flask_ctxfix.codemods.removed_apis.asked_errors import AskedErrors
from flask_ctxfix.codemods.removed_apis.kept_contexts import KeptContexts
from flask_ctxfix.codemods.stored_requests.views_and_hooks import ViewsAndHooks
from flask_ctxfix.context_flow.caught import is_group, names_of
from flask_ctxfix.context_flow.starts import starts_in
from flask_ctxfix.module import Module
from flask_ctxfix.obligations.lasting_work import why_lasting
from flask_ctxfix.origins import UNKNOWN
from flask_ctxfix.project import Project
from flask_ctxfix.settings import Settings

LENGTHS = [1, 9, 12, 200, 1500]


def parsed(folder: Path, text: str) -> tuple[Module, Project]:
    path = folder / "app.py"
    path.write_text(text)
    project = Project([str(path)])
    return project.module(str(path)), project


def last_value(module: Module) -> ast.expr:
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    return last.value


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("Flask", "Flask"),
        ("Plain, Flask", "Flask"),
        ("Blueprint", "Blueprint"),
        ("Plain", "other"),
        ("unknown()", None),
        ("", "other"),
    ],
)
def test_kinds_of_classes(tmp_path: Path, length: int, base: str, expected: str | None) -> None:
    head = "from flask import Blueprint, Flask\nfrom other import Plain\n"
    classes = [f"class C0({base}):\n    pass\n"]
    classes += [f"class C{i + 1}(C{i}, Plain):\n    pass\n" for i in range(length)]
    module, project = parsed(tmp_path, head + "".join(classes) + f"C{length}\n")
    assert class_kind(module, project, last_value(module)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A(B): pass\nclass B(A): pass\nA\n", None),
        ("from flask import Flask\nclass Flask(Flask): pass\nFlask\n", None),
        ("class A(B): pass\nfrom flask import Flask\nclass B(A, Flask): pass\nA\n", "Flask"),
        ("class A: pass\nclass B(A): pass\nclass C(A): pass\nclass D(B, C): pass\nD\n", "other"),
    ],
)
def test_kinds_of_classes_in_circles(tmp_path: Path, text: str, expected: str | None) -> None:
    module, project = parsed(tmp_path, text)
    assert class_kind(module, project, last_value(module)) == expected


@pytest.mark.parametrize("length", LENGTHS)
def test_names_of_exceptions(tmp_path: Path, length: int) -> None:
    head = "import config\nE0 = (KeyError, *config.ERRORS)\n"
    tuples = [f"E{i + 1} = (*E{i}, ValueError)\n" for i in range(length)]
    module, project = parsed(tmp_path, f"{head}{''.join(tuples)}E{length}\n")
    names = names_of(module, project, last_value(module))
    assert {"KeyError", "ValueError"} <= names
    assert is_group(module, project, last_value(module))


def test_names_of_exceptions_in_circles(tmp_path: Path) -> None:
    text = "E = KeyError\nfor e in all:\n    E = (E, F)\nF = E + (e,)\nE\n"
    module, project = parsed(tmp_path, text)
    assert names_of(module, project, last_value(module)) == {"KeyError", UNKNOWN}
    assert is_group(module, project, last_value(module))
    module, project = parsed(tmp_path, "E = KeyError\nE = E\nE\n")
    assert not is_group(module, project, last_value(module))


@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("last", ["print(sys.exc_info())", "raise", "pass"])
def test_who_asks_for_an_error(tmp_path: Path, length: int, last: str, is_circle: bool) -> None:
    steps = [f"def f{i}():\n    f{i + 1}()\n" for i in range(length)]
    back = "    f0()\n" * is_circle
    steps.append(f"def f{length}():\n{back}    {last}\n")
    tried = "try:\n    pass\nexcept RuntimeError:\n    f0()\n"
    module, project = parsed(tmp_path, f"import sys\n{''.join(steps)}{tried}")
    (handler,) = module.scopes.nodes(ast.ExceptHandler)
    assert AskedErrors(project).in_handler(module, handler) is (last != "pass")


@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("length", [1, 9, 200, 600])
def test_work_that_starts_itself(tmp_path: Path, length: int, is_circle: bool) -> None:
    start = "    threading.Timer(1, f{}).start()\n"
    steps = [f"def f{i}():\n{start.format(i + 1)}" for i in range(length)]
    last = start.format(0) if is_circle else "    print()\n"
    steps.append(f"def f{length}():\n{last}")
    module, project = parsed(tmp_path, f"import threading\n{''.join(steps)}")
    reason = why_lasting(starts_in(module, project)[0], project)
    assert (reason is not None) is is_circle


FIRST = "    if not STATE['ready']:\n        STATE['ready'] = True\n        {}()"
ONCE = """\
import threading

STATE = {{"ready": False}}

def start():
    threading.Thread(target=print).start()

def outer():
{outer}

def inner():
{inner}
"""


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("    start()", "    pass", False),
        (
            "    if not STATE['ready']:\n        STATE['ready'] = True\n        start()",
            "    0",
            True,
        ),
        # The call that is guarded comes back from what the start is called by.
        (
            "    start()\n" + FIRST.format("outer"),
            "    pass",
            False,
        ),
        (
            "    start()\n" + FIRST.format("inner"),
            "    outer()",
            False,
        ),
        # It leads to a start by another way.
        (
            "    start()\n" + FIRST.format("inner"),
            "    start()",
            True,
        ),
    ],
)
def test_what_is_started_once(tmp_path: Path, outer: str, inner: str, expected: bool) -> None:
    module, project = parsed(tmp_path, ONCE.format(outer=outer, inner=inner))
    (start,) = starts_in(module, project)
    assert (why_lasting(start, project) is not None) is expected


@pytest.mark.parametrize("is_called", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 200])
def test_hooks_of_blueprints_that_are_registered(
    tmp_path: Path, length: int, is_called: bool
) -> None:
    head = "from flask import Blueprint, Flask\nbp = Blueprint('bp', __name__)\n"
    hook = "@bp.before_app_request\ndef hook():\n    pass\n"
    steps = [f"def f{i}(app):\n    f{i + 1}(app)\n" for i in range(length)]
    steps.append(f"def f{length}(app):\n    app.register_blueprint(bp)\n")
    make = f"def create_app():\n    app = Flask('app')\n    {'f0(app)' if is_called else 'f0'}\n"
    _, project = parsed(tmp_path, f"{head}{hook}{''.join(steps)}{make}")
    assert len(ViewsAndHooks(project).hooks) == is_called


def test_contexts_that_are_kept_in_too_many_places_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "def work(top):\n    one = top\n    two = one\n    return two.name\n"
    module, project = parsed(tmp_path, text)
    (taken,) = (each for each in module.scopes.nodes(ast.Name) if each.id == "top")
    assert not KeptContexts(project).is_entered_later(module, taken)
    monkeypatch.setattr(kept_contexts, "_MOST", 1)
    assert KeptContexts(project).is_entered_later(module, taken)
    assert project.bounds.total() == 1


@pytest.mark.parametrize("length", [3, 60])
@pytest.mark.parametrize(("maker", "is_lock"), [("threading.Lock()", True), ("open('x')", False)])
def test_locks_at_the_end_of_long_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, maker: str, is_lock: bool
) -> None:
    """A lock is one however many functions hand it on, and in circles of them."""
    handed = "".join(f"def lock{n}():\n    return lock{n + 1}()\n\n" for n in range(length))
    text = (
        "import threading\nfrom flask import Flask, request\n\napp = Flask(__name__)\n"
        f"gate = {maker}\nlast = None\n\n{handed}"
        f"def lock{length}():\n    return lock0() if last else gate\n\n"
        "@app.route('/')\ndef view():\n    global last\n    with lock0():\n"
        "        before, last = last, request.args['x']\n    return str(before)\n"
    )
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(text)
    outcome = engine.run(Settings(paths=("app.py",), select=("CTX5",)), "list")
    levels = [each.finding.level for result in outcome.results for each in result.findings]
    assert levels
    assert {level == "info" for level in levels} == {is_lock}
