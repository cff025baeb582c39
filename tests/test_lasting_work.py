"""What a verified rewrite may show, and loops that never end."""

from __future__ import annotations

import ast

import pytest

from flask_ctxfix.codemod import Finding, Fix, ReplaceExpression, RewriteError
from flask_ctxfix.module import Module
from flask_ctxfix.records import replace
from flask_ctxfix.source import Span, decode
from flask_ctxfix.statements import is_endless
from flask_ctxfix.verify import verify

ENDING = "def work():\n    for _ in range(2):\n        kept.append(1)\n"
ENDLESS = "def work():\n    while True:\n        kept.append(1)\n"


def _found(module: Module, code: str, written: str, fix: Fix | None = None) -> Finding:
    start = module.text.index(written)
    span = Span(start, start + len(written))
    is_kept = code == "CTX504"
    where = (module.path, span)
    return Finding(code, "a-rule", "error", code, *where, fix=fix, is_of_kept_data=is_kept)


def _verify(work: str, fix: Fix) -> None:
    before = Module(decode("a.py", f"{work}\n\nstart(work)\n".encode()))
    after = before.with_text(before.text.replace("(work)", "(copy(work))"))
    fixed = _found(before, "CTX101", "start(work)", fix)
    new = _found(after, "CTX504", "kept.append(1)")
    verify(before, after, [fixed], [new], [fixed])


def _fix(work: str, *, gives_request: bool) -> Fix:
    start = len(work) + 2
    edit = ReplaceExpression(Span(start, start + len("start(work)")), "start(copy(work))")
    return Fix("copy", (edit,), gives_request=gives_request)


def test_work_that_gets_a_request_may_keep_its_data() -> None:
    _verify(ENDING, _fix(ENDING, gives_request=True))


@pytest.mark.parametrize(("work", "gives_request"), [(ENDLESS, True), (ENDING, False)])
def test_kept_data_is_refused_otherwise(work: str, gives_request: bool) -> None:
    with pytest.raises(RewriteError, match="another finding: CTX504"):
        _verify(work, _fix(work, gives_request=gives_request))


def test_what_is_right_as_it_is_may_be_new() -> None:
    before = Module(decode("a.py", f"{ENDING}\n\nstart(work)\n".encode()))
    after = before.with_text(before.text.replace("(work)", "(copy(work))"))
    fixed = _found(before, "CTX101", "start(work)", _fix(ENDING, gives_request=False))
    new = _found(after, "CTX502", "kept.append(1)")
    verify(before, after, [fixed], [replace(new, level="info")], [fixed])
    with pytest.raises(RewriteError, match="another finding: CTX502"):
        verify(before, after, [fixed], [new], [fixed])


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ("while True:\n x()", True),
        ("while 1:\n x()", True),
        ("while not 0:\n x()", True),
        ("while not x:\n x()", False),
        ("while False:\n x()", False),
        ("while x:\n x()", False),
        ("for x in y:\n x()", False),
        ("while True:\n if x: break", False),
        ("while True:\n if x: raise x", True),
        ("while True:\n for x in y: break", True),
        ("while True:\n for x in y: pass\n else: break", False),
        ("while True:\n for x in y:\n  while z: return", False),
        ("while True:\n try: x()\n except x: break", False),
        ("while True:\n try: x()\n finally: x()", True),
        ("while True:\n match x:\n  case 1: return", False),
        ("while True:\n with x: break", False),
        ("while True:\n def f(): return", True),
        ("while True:\n class A:\n  for x in y: break", True),
    ],
)
def test_endless_loops(loop: str, expected: bool) -> None:
    assert is_endless(ast.parse(loop).body[0]) is expected
