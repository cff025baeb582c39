"""How code finds something by data of a request: in containers, databases and loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flask_ctxfix.flask_facts import (
    DATABASES,
    FINDING,
    GIVING_NOTHING,
    ITEM_READERS,
    NEVER_RETURNING,
    QUERYING,
    ROWS_GIVING,
    STARTERS,
    is_well_known,
)
from flask_ctxfix.module import Module
from flask_ctxfix.statements import way_out

# Where something is looked for in turns.
_LOOPS = (ast.For, ast.AsyncFor)


def gives_nothing(name: str) -> bool:
    """Whether a function from elsewhere gives back nothing of what it is given."""
    return name in GIVING_NOTHING or name in NEVER_RETURNING or name in STARTERS


def finds(name: str, called: ast.expr) -> bool:
    """Whether what a function or method from elsewhere gives depends on its arguments for certain.

    So it is for those of Python, for what asks a database, and for methods that give an item.
    """
    if name and (is_well_known(name) or name.startswith(DATABASES)):
        return True
    return isinstance(called, ast.Attribute) and called.attr in ITEM_READERS | FINDING | QUERYING


def innermost(node: ast.expr) -> ast.expr:
    """Return what a chain of attributes, items and calls begins with."""
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node


def query_of(module: Module, call: ast.Call) -> ast.Call | None:
    """Return the call that has run the query of which a call gets rows, if both are in a function.

    It is the last one before, on the same cursor.
    """
    if not _gets_rows(call):
        return None
    cursor = _cursor_of(module, call)
    before = (each for each in _queries(module, call) if _cursor_of(module, each) == cursor)
    return max(before, key=lambda each: each.lineno, default=None)


def rows_of(module: Module, query: ast.Call) -> Iterator[ast.Call]:
    """Yield the calls that get rows of a query."""
    if isinstance(query.func, ast.Attribute) and query.func.attr in QUERYING:
        for call in module.scopes.calls_of(ROWS_GIVING):
            if query_of(module, call) is query:
                yield call


def _gets_rows(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ROWS_GIVING


def _queries(module: Module, call: ast.Call) -> Iterator[ast.Call]:
    function = module.scopes.function_of(call)
    for query in module.scopes.calls_of(QUERYING):
        if module.scopes.function_of(query) is function and query.lineno < call.lineno:
            yield query


def _cursor_of(module: Module, call: ast.Call) -> str:
    """Return the cursor whose method is called, as it is written."""
    return module.segment(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def sides_of_search(module: Module, node: ast.AST) -> list[ast.expr]:
    """Return what the items of a loop are compared with where `node` runs for the one found.

    `node` is in the body of an ``if`` whose test compares what the loop binds with it.
    """
    sides: list[ast.expr] = []
    for parent, child in way_out(module, node):
        if isinstance(parent, ast.If) and child in parent.body:
            sides += _compared(parent.test)
        elif isinstance(parent, _LOOPS) and sides:
            bound = _names(parent.target)
            if any(_names(each) & bound for each in sides):
                return [each for each in sides if not _names(each) & bound]
    return []


def is_search(module: Module, test: ast.If) -> bool:
    """Whether an ``if`` is in a loop of its function."""
    return any(isinstance(parent, _LOOPS) for parent, _ in way_out(module, test))


def _compared(test: ast.expr) -> list[ast.expr]:
    tests = test.values if isinstance(test, ast.BoolOp) else [test]
    compares = (each for each in tests if isinstance(each, ast.Compare))
    return [side for each in compares for side in (each.left, *each.comparators)]


def _names(node: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
