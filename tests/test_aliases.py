"""What code may call by other names than its own."""

from __future__ import annotations

import ast
from pathlib import Path

from flask_ctxfix.aliases import calls_of_any, may_be
from flask_ctxfix.project import Project

_CODE = """
from setters import put as store

put(1)
shelf.put(2)
store(3)
shelf.take(4)
makers[0](5)
make()(6)


def use(given, *, __private=None):
    given(7)
    shelf.given(8)
    __private(9)
    return [each(10) for each in given]


class Shelf:
    def given(self, put=store):
        self.given(11)
        return lambda one: one(12), __hidden(13)

    given(14)
    __hidden = given
    __hidden(15)
"""


def test_calls_of_any_are_all_that_may_be(tmp_path: Path) -> None:
    """Those that are left out by their names alone are those that each would be by itself."""
    path = tmp_path / "module.py"
    path.write_text(_CODE)
    module = Project([str(path)]).module(str(path))
    names = frozenset({"put"})
    found = calls_of_any(module, names)
    every = {call for call in module.scopes.nodes(ast.Call) if may_be(module, call.func, names)}
    assert {*found} == every
    given = [call.args[0].value for call in found if isinstance(call.args[0], ast.Constant)]
    assert given == [1, 2, 5, 6, 7, 9, 10, 12]
