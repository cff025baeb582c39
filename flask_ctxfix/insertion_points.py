"""Where a file can take new lines, and which bodies can be put under a ``with``."""

from __future__ import annotations

import ast
import re

from flask_ctxfix.module import Module
from flask_ctxfix.statements import block_of

_TYPE_COMMENT = re.compile(r"#\s*type:")


def is_first_on_line(module: Module, statement: ast.stmt) -> bool:
    """Whether lines before that of a statement run before it and after all that precedes it.

    What precedes it on its own line would run after them, and may be what its block belongs to.
    """
    begin = module.span(statement).start
    row, _ = module.position(begin)
    return not module.text[module.line_span(row).start : begin].strip()


def is_set_off(module: Module, statement: ast.stmt) -> bool:
    """Whether a block may begin where a statement stands, or its comments: behind an empty line.

    The first statement of a block is set off by what the block belongs to.
    """
    if statement in block_of(module.scopes.parents[statement], statement)[:1]:
        return True
    begin = module.line_span(module.position(module.span(statement).start)[0]).start
    indentation = module.text[begin : module.span(statement).start]
    row = module.position(start_with_comments(module, begin, indentation))[0]
    return row == 1 or not module.line(row - 1).strip()


def has_types_above(module: Module, statement: ast.stmt) -> bool:
    """Whether a comment with the types of a function stands above its first statement."""
    function = module.scopes.function_of(statement)
    body = getattr(function, "body", None)
    if function is None or not isinstance(body, list) or body[0] is not statement:
        return False
    header = module.text[module.span(function).start : module.span(statement).start]
    return _TYPE_COMMENT.search(header) is not None


def can_be_wrapped(module: Module, function: ast.FunctionDef) -> bool:
    """Whether the body of a function can move under a ``with`` as a whole.

    A comment that gives its types has to stay the first line, a docstring the first statement.
    """
    first = function.body[0]
    if not is_first_on_line(module, first):
        return len(function.body) == 1
    return not has_types_above(module, first)


def start_with_comments(module: Module, start: int, indentation: str) -> int:
    """Return where the comments begin that stand right above the line at `start`."""
    row = module.position(start)[0]
    while row > 1:
        row -= 1
        line = module.line_span(row)
        if not module.text.startswith(indentation + "#", line.start):
            break
        start = line.start
    return start
