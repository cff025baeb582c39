"""Where data of requests may get to is at least where it is found when it is followed back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flask_ctxfix.context_flow.request_data import RequestData
from flask_ctxfix.module import deep_calls
from flask_ctxfix.project import Project

FIXTURES = Path(__file__).with_name("fixtures")
HEAD = "from flask import Flask, g, request\nfrom flask_wtf import FlaskForm\napp = Flask('app')\n"
WAYS = {
    "variable": "def one():\n    value = request.args\n    return value['x']\n",
    "function": "def one():\n    return request.args\n\ndef two():\n    return one()['x']\n",
    "parameter": "def one(x):\n    return x + 1\n\ndef two():\n    return one(request.args)\n",
    "keyword": "def one(*, x):\n    return [x]\n\ndef two():\n    return one(x=request.args)\n",
    "view": "@app.get('/<name>')\ndef one(name):\n    return f'{name}'\n",
    "g": "def one():\n    g.user = request.args['x']\n\ndef two():\n    return g.user\n",
    "item": "def one():\n    held = {}\n    held['x'] = request.args\n    return held\n",
    "closure": "def one():\n    x = request.args\n    def two(): return x\n    return two\n",
    "lambda": "def one():\n    return (lambda: request.args['x'])()\n",
    "form": "class One(FlaskForm):\n    x = 1\n\ndef one():\n    form = One()\n    return form.x\n",
    "annotation": "class One(FlaskForm):\n    x = 1\n\ndef one(form: One):\n    return form.x\n",
    "self": (
        "class One:\n    def put(self):\n        self.x = request.args\n\n"
        "    def read(self):\n        return self.x\n"
    ),
    "decorator": (
        "def wrap(function):\n    def inner(x):\n        return function(x)\n    return inner\n\n"
        "@wrap\ndef one(x):\n    return x\n\ndef two():\n    return one(request.args)\n"
    ),
    "overridden": (
        "class One:\n    def make(self, x):\n        return self.clean(x)\n\n"
        "    def clean(self, x):\n        return None\n\n"
        "class Two(One):\n    def clean(self, x):\n        return x\n\n"
        "def two():\n    return Two().make(request.args)\n"
    ),
    "sibling": (
        "class One:\n    def make(self):\n        return self.read()\n\n"
        "class Mixed:\n    def read(self):\n        return request.args\n\n"
        "class Two(One, Mixed):\n    pass\n\ndef two():\n    return Two().make()\n"
    ),
    "helper": (
        "class Helper:\n    def get(self):\n        return request.args\n\n"
        "class One:\n    def make(self):\n        helper = self.helper\n"
        "        return helper.get()\n\n"
        "class Two(One):\n    def __init__(self):\n        self.helper = Helper()\n\n"
        "def two():\n    return Two().make()\n"
    ),
    "caught": (
        "@app.get('/')\ndef one():\n    try:\n        pass\n    except ValueError as error:\n"
        "        held = [error]\n        return held\n"
    ),
}


def asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """Return how many expressions are data, and those that it does not get to, as it is said."""
    data = RequestData.of_project(project)
    found, missed = 0, []
    with deep_calls(), monkeypatch.context() as patched:
        patched.setattr(RequestData, "_is_none", lambda *_: False)
        for module in project.parsed(sorted(project.paths)):
            nodes = [each for each in module.scopes.parents if isinstance(each, ast.expr)]
            for node in nodes:
                if data.of(module, node) is not None:
                    found += 1
                    if not data.may_be(module, node):
                        missed.append(f"{module.path}:{node.lineno} {ast.unparse(node)}")
    return found, missed


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_data_is_gone(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(HEAD + WAYS[way])
    found, missed = asked(Project([str(tmp_path / "app.py")]), monkeypatch)
    assert found and not missed


def test_names_of_other_modules_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "compat.py": "from flask import *\nfrom flask import request as current\n",
        "names.py": "import compat\nfrom compat import *\n\ndef one(): return compat.current\n",
        "uses.py": (
            "import names\nfrom names import one as two\n\ndef three():\n"
            "    return two().args, names.one(), names.request\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found, missed = asked(Project([str(tmp_path / name) for name in files]), monkeypatch)
    assert found >= 5 and not missed


@pytest.mark.parametrize("rule", sorted(each.name for each in FIXTURES.iterdir() if each.is_dir()))
def test_no_data_of_the_fixtures_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = []
    for case in sorted((FIXTURES / rule).iterdir()):
        paths = [str(path) for path in sorted(case.glob("before/**/*.py"))]
        if paths:
            missed += asked(Project(paths, str(case / "before")), monkeypatch)[1]
    assert not missed


def test_what_no_request_gives_is_not_reached(tmp_path: Path) -> None:
    text = f"{HEAD}no = 1\ndef one(x):\n    kept = [x]\n    return kept\n\none(request.args)\n"
    (tmp_path / "app.py").write_text(f"{text}def two():\n    free = [no]\n    return one(free)\n")
    project = Project([str(tmp_path / "app.py")])
    module = project.module(str(tmp_path / "app.py"))
    data = RequestData.of_project(project)
    reads = [n for n in module.scopes.nodes(ast.Name) if isinstance(n.ctx, ast.Load)]
    reached = {each.id for each in reads if data.may_be(module, each)}
    assert {"request", "x", "kept"} <= reached
    assert reached.isdisjoint({"no", "free"})
