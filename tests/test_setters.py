"""What other code assigns to attributes of classes and modules is one of their values."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from flask_ctxfix.context_flow import ContextFlow
from flask_ctxfix.context_flow.values import Class, Function
from flask_ctxfix.project import Project

WORK = """\
def first(): ...
def second(): ...

chosen = first
later = None

class Service:
    run = first
    hook = None

class Special(Service):
    pass
"""


@pytest.mark.parametrize(
    ("elsewhere", "asked", "expected"),
    [
        ("", "work.chosen", "first"),
        ("work.chosen = work.second", "work.chosen", None),
        ("work.chosen = work.first", "work.chosen", "first"),
        ("work.chosen, other = work.second, 1", "work.chosen", None),
        ("work.later = work.second", "work.later", "second"),
        ("def setup():\n    work.chosen = unknown()", "work.chosen", None),
        ("import other as work\nwork.chosen = 1", "work.chosen", "first"),
        ("", "work.Service.run", "first"),
        ("work.Service.run = work.second", "work.Service.run", None),
        ("work.Service.run = work.second", "work.Service().run", None),
        ("work.Service.run = work.second", "work.Special.run", None),
        ("work.Special.run = work.second", "work.Service.run", "first"),
        ("work.Service.hook = work.second", "work.Service.hook", "second"),
        (
            "work.Service.hook = work.second\nwork.Service.hook = work.first",
            "work.Special.hook",
            None,
        ),
        (
            "from work import Service as S\nS.hook: object = work.second",
            "work.Service.hook",
            "second",
        ),
        ("# work.chosen = work.second", "work.chosen", "first"),
        (
            "from work import (\n    Service as S,\n)\nS.hook = work.second",
            "work.Service.hook",
            "second",
        ),
        ("S = work.Service  # one\nS.hook = work.second", "work.Service.hook", "second"),
    ],
)
@pytest.mark.parametrize("is_test", [False, True])
def test_setters(
    tmp_path: Path, elsewhere: str, asked: str, expected: str | None, is_test: bool
) -> None:
    files = {
        "work.py": WORK,
        "test_setup.py" if is_test else "setup_work.py": f"import work\n{elsewhere}\n",
        "ask.py": f"import work\n{asked}\n",
        "other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(dedent(text))
    project = Project([str(tmp_path / name) for name in files])
    module = project.module(str(tmp_path / "ask.py"))
    statement = module.tree.body[-1]
    assert isinstance(statement, ast.Expr)
    value = ContextFlow.of(project).values.of(module, statement.value)
    if is_test:
        name = "first" if "hook" not in asked and "later" not in asked else None
        expected = name
    assert getattr(value, "name", None) == expected


def test_a_class_that_sets_itself(tmp_path: Path) -> None:
    """The value of an attribute is asked for on the way to what it is set to."""
    path = tmp_path / "work.py"
    path.write_text("class C:\n    x = None\n\nC.x = C.x or C\nC.x\n")
    project = Project([str(path)])
    module = project.module(str(path))
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    value = ContextFlow.of(project).values.of(module, last.value)
    assert isinstance(value, Class)
    assert not isinstance(value, Function)
