"""What the index says that a file names."""

from __future__ import annotations

import ast
from pathlib import Path

from flask_ctxfix.index import Index, names_in
from flask_ctxfix.project import Project
from flask_ctxfix.scopes import Scopes


def test_names_of_every_kind_are_held() -> None:
    code = """
import a.b as c, d
from .e import f as g
from h import *
def i(j, *k, l=1, **m) -> n: global o
async def p(): nonlocal_ = 1
class q(r, metaclass=s): pass
t.u(v=w)
try: pass
except x as y: pass
match z:
    case A(aa=ab): pass
    case [*ac]: pass
    case {"ad": 1, **ae}: pass
    case af: pass
getattr(ag, "ah")
send("ai.aj:ak")
f"al {am} {an!r:{ao}}"
lambda ap: aq
ar: as_
"""
    names = {*"abcdefghijklmnopqrstuvwxyzA"}
    names |= {f"a{letter}" for letter in "abcdefghijklmnopqr"} | {"as_"}
    assert names <= names_in(Scopes(ast.parse(code), code, "a.py"))


def test_comments_and_docstrings_hold_no_names() -> None:
    code = '"""Docstring."""\n# comment\ndef f():\n    "inner"\n    return 1\n'
    assert names_in(Scopes(ast.parse(code), code, "a.py")) == {"f"}


def test_index_says_which_files_hold_a_name() -> None:
    index = Index([("a.py", {"x", "y"}), ("b.py", {"y"})])
    assert index.naming("y") == ("a.py", "b.py")
    assert index.naming("x") == ("a.py",)
    assert index.naming("z") == ()


def test_files_that_do_not_parse_may_name_each_word(tmp_path: Path) -> None:
    good, bad, test = tmp_path / "a.py", tmp_path / "b.py", tmp_path / "test_a.py"
    for path in (good, test):
        path.write_text("name = 1\n")
    bad.write_text("name = (  # words\n")
    project = Project([str(good), str(bad), str(test), str(tmp_path / "missing.py")])
    assert project.naming("name") == (str(good), str(bad), str(test))
    assert project.naming_outside_tests("name") == [str(good), str(bad)]
    assert project.naming("words") == (str(bad),)
    assert project.naming("nam") == ()


def test_index_finds_parts_of_names_in_any_case() -> None:
    index = Index([("b.py", {"make_celery", "celery"}), ("a.py", {"CELERY_URL"}), ("c.py", {"x"})])
    assert index.naming_part("celery") == ["a.py", "b.py"]
    assert index.naming_part("y_") == ["a.py"]
    assert index.naming_part("flask") == []
