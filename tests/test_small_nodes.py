"""That nodes hold what the parser gave them, in no more memory."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from flask_ctxfix.scopes import Scopes
from flask_ctxfix.small_nodes import shrink

_FILES = sorted(Path(__file__).parent.glob("test_s*.py"))


def _dumped(tree: ast.AST) -> str:
    return ast.dump(tree, include_attributes=True)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_what_scopes_leave_of_a_tree(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    Scopes(tree, text, str(path))
    assert _dumped(tree) == _dumped(ast.parse(text))


def test_nodes_hold_the_same_in_less() -> None:
    text = (
        "def f(a, /, *b: int, c=1, **d) -> str:\n    return f'{a:>3}' and [x.y for x in b]\n" * 50
    )
    tree = ast.parse(text)
    nodes: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
    for node in ast.walk(tree):
        nodes[type(node)].append(node)
    before = _memory(nodes)
    shrink(nodes)
    assert _dumped(tree) == _dumped(ast.parse(text))
    if sys.version_info >= (3, 11):
        assert _memory(nodes) < 0.7 * before
    else:
        assert _memory(nodes) <= before
    shrunk = _memory(nodes)
    shrink(nodes)
    assert _memory(nodes) == shrunk


def _memory(nodes: dict[type[ast.AST], list[ast.AST]]) -> int:
    return sum(sys.getsizeof(vars(node)) for alike in nodes.values() for node in alike)
