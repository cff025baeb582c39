"""Statements that are put under a `with`, laid out in every way."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_ctxfix.codemod import (
    Edit,
    Fix,
    RemoveFinally,
    RemoveStatement,
    RewriteError,
    WrapStatements,
)
from flask_ctxfix.module import Module
from flask_ctxfix.rewrite import rewrite, without_conflicts
from flask_ctxfix.source import Source, Span


def module_of(text: str) -> Module:
    return Module(Source("module.py", text, "utf-8", False))


def span_of(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(start, start + len(part))


def wrapped(text: str, *others: Edit) -> str:
    """Put what stands from `push()` to `pop()` under a `with`, without the two."""
    first, last = span_of(text, "push()"), span_of(text, "pop()")
    wrap = WrapStatements(Span(first.start, last.end), "with c:")
    removals = (RemoveStatement(first), *([] if others else [RemoveStatement(last)]))
    return rewrite(module_of(text), [Fix("", (wrap, *removals, *others))])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("push()\na\npop()\n", "with c:\n    a\n"),
        ("x\n\n# why\npush()\n\na\npop()\n\n\ny", "x\n\n# why\nwith c:\n    a\n\n\ny"),
        ("push()  # one\na\npop()  # two\n", "# one\nwith c:\n    a\n    # two\n"),
        ("push(); a\npop()\n", "with c:\n    a\n"),
        ("push(); a; pop()\r\nb\r\n", "with c:\r\n    a\r\nb\r\n"),
        ("if x:\n\tpush()\n\ta\n\tpop()\n", "if x:\n\twith c:\n\t\ta\n"),
        ("for x in y:\n  push()\n  a\n  pop()\n  b\n", "for x in y:\n  with c:\n    a\n  b\n"),
        ("push()\nx = '''\n a'''\ny = 1 + \\\n 2\npop()\n", "with c:\n    x = '''\n a'''\n    y = 1 + \\\n 2\n"),  # noqa: E501
        ("push()\n@d\ndef f():\n    return 1\npop()\n", "with c:\n    @d\n    def f():\n        return 1\n"),  # noqa: E501
        ("if x:\n    push()\n    a\n    # end\n    pop()\n# out\n", "if x:\n    with c:\n        a\n        # end\n# out\n"),  # noqa: E501
    ],
)  # fmt: skip
def test_wraps(before: str, after: str) -> None:
    assert wrapped(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("push()\ntry:\n    a\nfinally:\n    pop()\n", "with c:\n    a\n"),
        (
            "push()\ntry:\n    # a\n    a\nexcept E:\n    b\nfinally:\n    # why\n    pop()\nz\n",
            "with c:\n    try:\n        # a\n        a\n    except E:\n        b\n    # why\nz\n",
        ),
    ],
)
def test_takes_the_finally_off(before: str, after: str) -> None:
    assert (
        wrapped(before, RemoveFinally(span_of(before, before[7 : before.index("pop()") + 5])))
        == after
    )


def test_nothing_but_whole_lines() -> None:
    with pytest.raises(RewriteError):
        wrapped("if x: push(); a; pop()\n")


def test_nothing_to_wrap() -> None:
    with pytest.raises(RewriteError, match="no statement would be left"):
        wrapped("push()\npop()\n")


def test_runs_that_overlap_wait_for_each_other() -> None:
    fixes = [
        Fix("", (WrapStatements(Span(start, end), "with c:"),))
        for start, end in ((0, 10), (3, 8), (10, 12))
    ]
    assert without_conflicts(fixes) == [fixes[0], fixes[2]]


SIMPLE = st.sampled_from(
    [
        "a = 1",
        "call(a, b)  # c",
        "# only a comment\npass",
        '"""two\n  lines\n\n"""',
        "x = f'''\n{a}\n    b'''",
        "y = a + \\\n  b",
        "z = 'one' \\\n    'two'",
        "a; b",
        "return",
        "raise E from None",
        "@one\n@two(1)\ndef f(x=1): return x",
        "async def g():\n    await h()\n    # last\n\n    return",
        "class C:\n    '''Doc.\n  more'''\n\n    x: int = 1",
    ]
)


def indented(code: str) -> str:
    """Indent code as it would be written, but for what stands inside of strings."""
    lines = code.splitlines()
    inside = continued = False
    out = []
    for line in lines:
        out.append(line if inside or continued or not line else "    " + line)
        inside ^= (line.count("'''") + line.count('"""')) % 2 == 1
        continued = line.endswith("\\")
    return "\n".join(out)


def compound(body: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    block = st.lists(body, min_size=1, max_size=3).map("\n".join).map(indented)
    return st.one_of(
        st.builds("if a:\n{}\nelif b:\n{}\nelse:\n{}".format, block, block, block),
        st.builds("for x in y:\n{}\n# before else\nelse:\n{}".format, block, block),
        st.builds("try:\n{}\nexcept E as e:\n{}\nfinally:\n{}".format, block, block, block),
        st.builds("with a as b:\n{}\n    # end".format, block),
        st.builds("while a:\n{}\n".format, block),
        st.builds("match a:\n    case 1:\n{}".format, block.map(indented)),
    )


STATEMENTS = st.lists(
    st.one_of(st.recursive(SIMPLE, compound, max_leaves=6), SIMPLE.map("\n# above\n{}".format)),
    min_size=1,
    max_size=5,
).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(STATEMENTS, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_body_is_the_old_one_but_for_its_indentation(
    body: str, newline: str, in_function: bool
) -> None:
    body = body.strip("\n")
    text = f"push()\n{body}\npop()\nafter()\n"
    expected = f"with c:\n{indented(body)}\nafter()\n"
    if in_function:
        text, expected = (f"def f():\n{indented(code)}\n" for code in (text, expected))
    text, expected = (code.replace("\n", newline) for code in (text, expected))
    try:
        compile(text, "before", "exec")
    except SyntaxError:  # a `return` outside of a function
        return
    assert wrapped(text) == expected


def test_dedents_nothing() -> None:
    text = textwrap.dedent("""\
        def f():
            push()
            a = (
              1,
            # low
                2,
            )
            pop()
        """)
    assert wrapped(text) == textwrap.dedent("""\
        def f():
            with c:
                a = (
                  1,
                # low
                    2,
                )
        """)
