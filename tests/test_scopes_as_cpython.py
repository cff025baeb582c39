"""Any program: its scopes are those of CPython's `symtable`, and so is what is refused."""

from __future__ import annotations

import ast
import random
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.names.symtable_answers import differences

pytestmark = pytest.mark.filterwarnings("ignore")  # of texts that are parsed

NAMES = ("a", "b", "c", "__d", "_C__d", "__e__", "C", "_")

names = st.sampled_from(NAMES)


def _filled(*templates: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return texts made of a template and what is drawn for each of its fields."""
    drawn = st.tuples(st.sampled_from(templates), st.fixed_dictionaries(parts))
    return drawn.map(lambda pair: pair[0].format(**pair[1]))


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return _filled(
        "({n} := {x})",
        "({x} + {y})",
        "{n}({x}, a={y})",
        "[{x} for {n} in {y}]",
        "[{x} for {n} in {y} for {m} in {z}]",
        "{{{x} for {n} in {y} if {z}}}",
        "{{{x}: {y} for {n} in {z}}}",
        "{{**{x}, {n}: {y}}}",
        "({x} async for {n}, {m} in {y})",
        "(lambda {n}, {m}={x}, *a, **b: {y})",
        "(lambda: {x})",
        "(yield {x})",
        "(await {x})",
        "f'{{{x}}}'",
        n=names,
        m=names,
        x=inner,
        y=inner,
        z=inner,
    )


expressions = st.recursive(names, _wider, max_leaves=6)


def _block(lines: list[str]) -> str:
    return textwrap.indent("\n".join(lines), "    ")


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    templates = [
        "def {n}({m}={x}, *{o}):\n{b}",
        "@{x}\nasync def {n}({m}: {x}, /, {o}=a, *, c={y}) -> {y}:\n{b}",
        "class {n}({x}, a={y}):\n{b}",
        "class C:\n{b}",
        "for {n} in {x}:\n{b}",
        "with {x} as {n}, {y} as ({m}, {o}):\n{b}",
        "try:\n{b}\nexcept {x} as {n}:\n    {m}",
        "match {x}:\n    case [{n}, *{m}] | {{1: {n}, **{m}}}:\n{b2}",
        "match {x}:\n    case C(a={n}) as {m} if {y}:\n{b2}",
        "while {x}:\n{b}",
    ]
    if sys.version_info >= (3, 12):
        templates += [
            "def {n}[{o}, *{m}]({n}: {x}, a={y}) -> {x}:\n{b}",
            "class {n}[{m}: {x}]({y}):\n{b}",
            "type {n}[**{m}] = {x}",
        ]
    blocks = st.lists(inner, min_size=1, max_size=4)
    return _filled(
        *templates,
        n=names,
        m=names,
        o=names,
        x=expressions,
        y=expressions,
        b=blocks.map(_block),
        b2=blocks.map(lambda lines: _block([_block(lines)])),
    )


simple = _filled(
    "{x}",
    "{n} = {x}",
    "{n} += {x}",
    "{n}, *{m} = {x}",
    "{n}: {x}",
    "({n}): {x}",
    "{n}: {x} = {y}",
    "del {n}",
    "global {n}",
    "global {n}, {m}",
    "nonlocal {n}",
    "import {n}.{m}",
    "import {m} as {n}",
    "from {m} import {n}",
    "from a import *",
    "return {x}",
    n=names,
    m=names,
    x=expressions,
    y=expressions,
)
statements = st.recursive(simple, _compound, max_leaves=12)
future = st.sampled_from(
    ["", "", "from __future__ import annotations", "a; from __future__ import b"]
)
programs = st.tuples(future, st.lists(statements, min_size=1, max_size=4)).map(
    lambda parts: "\n".join([parts[0], *parts[1]])
)


@settings(deadline=None, max_examples=100)
@given(text=programs)
@example("@[a for a in a]\ndef a(a: [a for a in a], b=[a for b in a]) -> [b for a in b]:\n    a")
@example("from __future__ import annotations\na: [a for a in a] = [a for a in a]")
def test_scopes_of_any_program(text: str) -> None:
    try:
        ast.parse(text)
    except SyntaxError:
        return
    assert differences(text) == []


def test_scopes_of_the_standard_library() -> None:
    files = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    files = [path for path in files if "site-packages" not in path.parts]
    found = {}
    for path in random.Random(1).sample(files, min(len(files), 100)):
        try:
            text = path.read_text(encoding="utf-8")
            ast.parse(text)
        except (SyntaxError, ValueError):  # data of Python's own tests
            continue
        found[str(path)] = differences(text)
    assert len(found) > 50
    assert {path: each for path, each in found.items() if each} == {}


REFUSED = [
    "def f():\n    x\n    global x",
    "def f():\n    x = 1\n    global x",
    "def f():\n    del x\n    nonlocal x",
    "def f(x):\n    global x",
    "def f():\n    global x\n    nonlocal x",
    "def f():\n    global x\n    x: int",
    "def f():\n    nonlocal x",
    "x = 1\ndef f():\n    nonlocal x",
    "nonlocal x",
    "class C:\n    x\n    global x",
    "x\nglobal x",
    "def f(x, x): ...",
    "lambda x, *x: 0",
    "class C:\n    def f(__x, _C__x): ...",
    "def f():\n    from m import *",
    "class C:\n    from m import *",
    "[x := 1 for x in y]",
    "[[x := 1 for z in y] for x in y]",
    "class C:\n    [x := 1 for z in y]",
    "[x for x in (y := z)]",
    "[x for x in z for z in (lambda: (y := z))]",
    "[(yield) for x in y]",
    "((yield from x) for x in y)",
    "from __future__ import braces",
    "from __future__ import nothing",
    "from __future__ import annotations\nx: (yield)",
    "from __future__ import annotations\ndef f(x: (y := 1)): ...",
    "from __future__ import annotations\ndef f() -> (await x): ...",
]
NEWER = [
    "def f[T, T](): ...",
    "class C[T]:\n    nonlocal T",
    "class C[T: (yield)]: ...",
    "class C[T](x := 1): ...",
    "type X[T] = (await x)",
]


@pytest.mark.parametrize("text", REFUSED + NEWER * (sys.version_info >= (3, 12)))
def test_what_only_the_compiler_refuses(text: str) -> None:
    ast.parse(text)
    with pytest.raises(SyntaxError):
        compile(text, "module.py", "exec")
    assert differences(text) == []
