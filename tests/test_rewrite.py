"""Edits carried out by LibCST, on code laid out in every way."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_ctxfix.codemod import (
    Edit,
    EditImport,
    Fix,
    InsertStatement,
    KeepBlock,
    RemoveArgument,
    RemoveDecorator,
    RemoveStatement,
    ReplaceExpression,
    ReplaceStatement,
    RewriteError,
)
from flask_ctxfix.module import Module
from flask_ctxfix.rewrite import rewrite, without_conflicts
from flask_ctxfix.source import Source, Span

Make = Callable[[Span], Edit]


def module_of(text: str) -> Module:
    return Module(Source("module.py", text, "utf-8", False))


def span_of(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(start, start + len(part))


def edited(text: str, *edits: Edit) -> str:
    return rewrite(module_of(text), [Fix("", tuple(edits))])


def dedented(code: str) -> str:
    return textwrap.dedent(code).lstrip("\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = OLD\n", "x = new\n"),
        ("x = (OLD)  # why\n", "x = (new)  # why\n"),
        ("x = ( OLD )\n", "x = ( new )\n"),
        ("if OLD: pass\n", "if new: pass\n"),
        ("def f():\n\treturn OLD\n", "def f():\n\treturn new\n"),
        ("f([\n    1,  # one\n    OLD,\n  ])\n", "f([\n    1,  # one\n    new,\n  ])\n"),
        ("a = 'äöü'; b = OLD; c = 3\n", "a = 'äöü'; b = new; c = 3\n"),
        ("x = OLD", "x = new"),
        ("x = OLD\r\ny = 1\r\n", "x = new\r\ny = 1\r\n"),
        ("if a:\n    pass\nelif OLD:\n    pass\n", "if a:\n    pass\nelif new:\n    pass\n"),
        ("x = f'{OLD!r:>{w}}'\n", "x = f'{new!r:>{w}}'\n"),
        ("@dec(OLD)\ndef f(): ...\n", "@dec(new)\ndef f(): ...\n"),
        ("class A:\n\n  '''d\n o'''\n  x = OLD\n", "class A:\n\n  '''d\n o'''\n  x = new\n"),
        ("x = a + \\\n    OLD\n", "x = a + \\\n    new\n"),
        ("match x:\n    case 1 if OLD:\n        y\n", "match x:\n    case 1 if new:\n        y\n"),
        ("def f():\n # a\n\n x = OLD  # b\n # c\n", "def f():\n # a\n\n x = new  # b\n # c\n"),
    ],
)  # fmt: skip
def test_replace_expression(before: str, after: str) -> None:
    assert edited(before, ReplaceExpression(span_of(before, "OLD"), "new")) == after


def test_holes_take_what_became_of_their_expressions() -> None:
    text = "x = f(a.b, c)\n"
    outer = ReplaceExpression(
        span_of(text, "f(a.b, c)"), "g(H) or H", (("H", span_of(text, "a.b")),)
    )
    inner = ReplaceExpression(span_of(text, "a.b"), "z")
    assert edited(text, outer, inner) == "x = g(z) or z\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1\nGONE = 2\nb = 3\n", "a = 1\nb = 3\n"),
        ("GONE = 2\n", ""),
        ("GONE = 2\n\n\nb = 3\n", "b = 3\n"),
        ("a = 1\n\nGONE = 2\n\nb = 3\n", "a = 1\n\nb = 3\n"),
        ("def f():\n    GONE = 2\n", "def f():\n    pass\n"),
        ("def f():\n    GONE = 2\n    return 1\n", "def f():\n    return 1\n"),
        ("def f():\n # a\n GONE = 2  # b\n return 1\n", "def f():\n # a\n # b\n return 1\n"),
        ("def f():\n    GONE = 2  # noqa\n    return 1\n", "def f():\n    return 1\n"),
        ("a = 1; GONE = 2; b = 3\n", "a = 1; b = 3\n"),
        ("a = 1; GONE = 2\n", "a = 1\n"),
        ("if x: GONE = 2\n", "if x: pass\n"),
        ("if x:\n    a\nelse:\n    GONE = 2\n", "if x:\n    a\nelse:\n    pass\n"),
        ("try:\n    a\nfinally:\n    GONE = 2\n", "try:\n    a\nfinally:\n    pass\n"),
    ],
)  # fmt: skip
def test_remove_statement(before: str, after: str) -> None:
    assert edited(before, RemoveStatement(span_of(before, "GONE = 2"))) == after


def test_all_statements_of_a_block_can_go() -> None:
    text = "def f():\n    a = 1\n    b = 2\n"
    edits = [RemoveStatement(span_of(text, part)) for part in ("a = 1", "b = 2")]
    assert edited(text, *edits) == "def f():\n    pass\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x\nOLD\ny\n", "x\na = 1\nb = 2\ny\n"),
        ("if x:\n    OLD\n", "if x:\n    a = 1\n    b = 2\n"),
        ("x; OLD; y\n", "x; a = 1; b = 2; y\n"),
        ("x; OLD\n", "x; a = 1; b = 2\n"),
    ],
)
def test_replace_statement(before: str, after: str) -> None:
    assert edited(before, ReplaceStatement(span_of(before, "OLD"), "a = 1\nb = 2")) == after


def test_replace_the_only_statement_on_the_line_of_a_header() -> None:
    text = "if x: OLD\n"
    assert edited(text, ReplaceStatement(span_of(text, "OLD"), "new()")) == "if x: new()\n"


def test_insert_before_and_after() -> None:
    text = "def f():\n    x\n    y\n"
    edits = [
        InsertStatement(span_of(text, "y"), "one()", "before"),
        InsertStatement(span_of(text, "y"), "two()", "before"),
        InsertStatement(span_of(text, "y"), "three()", "after"),
    ]
    assert edited(text, *edits) == "def f():\n    x\n    one()\n    two()\n    y\n    three()\n"


def test_inserted_blocks_use_the_indentation_of_the_file() -> None:
    text = "def f():\n\tx\ny\n"
    edit = InsertStatement(span_of(text, "y"), "with a:\n    b\n", "after")
    assert edited(text, edit) == "def f():\n\tx\ny\nwith a:\n\tb\n"


@pytest.mark.parametrize(
    ("block", "after"),
    [
        ("body", "# why\nif a:\n    b\nc\n"),
        ("orelse", "# why\nd\n"),
    ],
)
def test_keep_block_of_an_if(block: str, after: str) -> None:
    text = "# why\nif x:\n    if a:\n        b\n    c\nelse: d\n"
    span = Span(text.index("if x"), len(text) - 1)
    assert edited(text, KeepBlock(span, block)) == after  # type: ignore[arg-type]


def test_keep_block_of_a_try() -> None:
    text = "try: a\nexcept E:\n    # why\n    b\n"
    assert edited(text, KeepBlock(Span(0, len(text) - 1), "handler")) == "# why\nb\n"


def test_an_elif_cannot_be_kept() -> None:
    text = "if x:\n    a\nelif y:\n    b\n"
    with pytest.raises(RewriteError, match="elif"):
        edited(text, KeepBlock(Span(0, len(text) - 1), "orelse"))


def test_remove_decorator() -> None:
    text = "@a\n# why\n@gone\n@b\ndef f(): ...\n"
    assert edited(text, RemoveDecorator(span_of(text, "gone"))) == "# why\n@a\n@b\ndef f(): ...\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(a=1, GONE=2, b=3)\n", "f(a=1, b=3)\n"),
        ("f(a=1, GONE=2)\n", "f(a=1)\n"),
        ("f(\n    a=1,\n    GONE=2,\n)\n", "f(\n    a=1,\n)\n"),
        ("f({'a': 1, GONE: 2})\n", "f({'a': 1})\n"),
    ],
)
def test_remove_argument(before: str, after: str) -> None:
    assert edited(before, RemoveArgument(span_of(before, "GONE"))) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from m import GONE\n", "from m import New\n"),
        ("from m import GONE, z\n", "from m import New, z\n"),
        ("from m import a, GONE\n", "from m import New, a\n"),
        ("from m import z, GONE, a\n", "from m import z, New, a\n"),
        ("from m import A, GONE, b\n", "from m import A, New, b\n"),
        ("from m import Z, GONE, a\n", "from m import New, Z, a\n"),
        ("from m import (\n    GONE,\n    z,\n)\n", "from m import (\n    New,\n    z,\n)\n"),
        ("from m import (\n    a,\n    GONE,\n)\n", "from m import (\n    New,\n    a,\n)\n"),
        ("from m import (a,\n               GONE)\n", "from m import (New,\n               a)\n"),
        ("from m import a, \\\n    GONE\n", "from m import New, \\\n    a\n"),
        ("from m import (\n  a,  # b\n  GONE\n)\n", "from m import (\n  New,\n  a  # b\n)\n"),
        ("from m import (a,  # b\n  GONE)\n", "from m import (New,\n  a  # b\n)\n"),
    ],
)  # fmt: skip
def test_edit_import(before: str, after: str) -> None:
    statement = Span(0, len(before.rstrip("\n")))
    edit = EditImport(statement, (span_of(before, "GONE"),), (("New", "New"),))
    assert edited(before, edit) == after


def test_an_added_name_can_have_a_local_one() -> None:
    text = "from m import a\n"
    edit = EditImport(Span(0, 15), (), (("b", "c"),))
    assert edited(text, edit) == "from m import a\nfrom m import b as c\n"


@pytest.mark.parametrize("comment", ["# type: ignore[attr-defined]", "# pyright: ignore"])
def test_a_comment_about_a_gone_name_goes_with_it(comment: str) -> None:
    text = f"from m import GONE, z  {comment}\n"
    edit = EditImport(Span(0, 21), (span_of(text, "GONE"),))
    assert edited(text, edit) == "from m import z\n"


def test_an_edit_that_finds_nothing_is_an_error() -> None:
    text = "x = a.b\n"
    with pytest.raises(RewriteError, match="differently"):
        edited(text, ReplaceExpression(span_of(text, "= a"), "c"))


def test_an_edit_outside_of_statements_is_an_error() -> None:
    text = "x\n# a\n"
    with pytest.raises(RewriteError, match="outside"):
        edited(text, ReplaceExpression(span_of(text, "a"), "c"))


def test_what_libcst_does_not_keep_is_an_error() -> None:
    text = "try:\n    OLD\nexcept X :\n    pass\n"
    edit = ReplaceStatement(Span(0, len(text) - 1), "x")
    with pytest.raises(RewriteError, match="also change other parts"):
        edited(text, edit)


def test_what_libcst_cannot_parse_is_an_error() -> None:
    text = "(x): int = 1\n"
    with pytest.raises(RewriteError, match="cannot parse"):
        edited(text, ReplaceExpression(Span(11, 12), "2"))


class TestConflicts:
    """Two fixes that change the same code are not made together."""

    @staticmethod
    def kept(*edits: Edit) -> Sequence[int]:
        fixes = [Fix(str(number), (edit,)) for number, edit in enumerate(edits)]
        return [int(fix.message) for fix in without_conflicts(fixes)]

    def test_equal_fixes_are_one(self) -> None:
        fix = Fix("", (RemoveStatement(Span(0, 5)),))
        assert without_conflicts([fix, fix]) == [fix]

    def test_same_place(self) -> None:
        one, other = (ReplaceExpression(Span(0, 5), code) for code in "ab")
        assert self.kept(one, other) == [0]

    @pytest.mark.parametrize(("hole", "kept"), [(Span(2, 3), [0, 1]), (Span(0, 1), [0])])
    def test_inside_another(self, hole: Span, kept: list[int]) -> None:
        outer = ReplaceExpression(Span(0, 5), "f(H)", (("H", hole),))
        inner = ReplaceExpression(Span(2, 3), "x")
        assert self.kept(outer, inner) == kept
        assert len(self.kept(inner, outer)) == len(kept)

    def test_inside_what_goes(self) -> None:
        assert self.kept(RemoveStatement(Span(0, 5)), ReplaceExpression(Span(2, 3), "x")) == [0]

    def test_apart_or_inserted(self) -> None:
        insert = InsertStatement(Span(0, 5), "x", "after")
        edits = ReplaceExpression(Span(0, 2), "x"), ReplaceExpression(Span(3, 5), "y"), insert
        assert self.kept(*edits) == [0, 1, 2]


NAMES = st.sampled_from(["alpha", "beta_2", "ünï", "_x"])
LINES = st.sampled_from(
    [
        "{0} = TARGET",
        "{0}(TARGET, {1}=TARGET)  # {0}",
        "if {0}: TARGET",
        "if {0}:\n\tTARGET\nelse :\n\t{1}",
        "def {0}({1}, *a, b = 1,):\n    '''doc\n  string'''\n    return  (TARGET)",
        "class {0} :\n  {1} = TARGET ; {0} = 2",
        "@{0}\n# why\nasync def {1}() -> None : await TARGET",
        "for {0} in ( TARGET , ) :\n   pass\n   # end",
        "{0} = [ TARGET for {1} in {0} if  TARGET ]",
        "{0} = f'{{TARGET}}' + \\\n   TARGET",
        "with {0}(TARGET) as {1} : pass",
        "try:\n    TARGET\nfinally:\n  {0}",
        "{0} = '''\nTARGET\n'''",
        "# TARGET",
        "",
        "    ",
        "\f{0} = 1",
    ]
)


@given(
    lines=st.lists(st.tuples(LINES, NAMES, NAMES), min_size=1, max_size=8),
    newline=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_nothing_but_the_edits_changes(
    lines: list[tuple[str, str, str]], newline: str, closed: bool
) -> None:
    text = "\n".join(line.format(one, other) for line, one, other in lines)
    text = (text + "\n" * closed).replace("\n", newline)
    try:
        module = module_of(text)
    except Exception:
        return
    targets = [
        module.span(node)
        for node in module.scopes.nodes(ast.Name)
        if node.id == "TARGET" and not _in_f_string(module, node)
    ]
    edits = tuple(ReplaceExpression(span, "changed.name") for span in targets)
    expected = text
    for span in sorted(targets, reverse=True):
        expected = expected[: span.start] + "changed.name" + expected[span.end :]
    assert rewrite(module, [Fix("", edits)]) == expected


def _in_f_string(module: Module, node: ast.AST) -> bool:
    return any(isinstance(parent, ast.JoinedStr) for parent in module.scopes.ancestors(node))


def test_libcst_is_not_imported_for_nothing(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, flask_ctxfix.rewrite, flask_ctxfix.imports; print('libcst' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
