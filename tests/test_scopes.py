"""Which scope a name belongs to, where it is bound and where it is read."""

from __future__ import annotations

import ast
import sys
import textwrap

import pytest

from flask_ctxfix.scopes import Scope, Scopes


def scopes_of(code: str) -> Scopes:
    text = textwrap.dedent(code)
    return Scopes(ast.parse(text), text, "module.py")


def name_of(scope: Scope) -> str:
    node = scope.node
    return getattr(node, "name", type(node).__name__)


def homes(code: str, name: str) -> list[str]:
    """Return the scopes that the reads of `name` belong to, in the order of the text."""
    scopes = scopes_of(code)
    reads = [node for node in scopes.nodes(ast.Name) if node.id == name]
    reads = [node for node in reads if isinstance(node.ctx, ast.Load)]
    return [name_of(scopes.scope_of(node).home(name)) for node in reads]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\nprint(x)", ["Module"]),
        ("def f():\n    x = 1\n    return x", ["f"]),
        ("x = 1\ndef f():\n    return x", ["Module"]),
        ("def f(x):\n    return lambda: x", ["f"]),
        ("def f(a=x):\n    x = 1\n    return x", ["Module", "f"]),
        ("def f():\n    x = 1\n    def g():\n        return x\n    return g", ["f"]),
        ("def f():\n    global x\n    x = 1\n    return x", ["Module"]),
        ("def f():\n x = 1\n def g():\n  nonlocal x\n  x = 2\n  return x\n", ["f"]),
        ("x = 1\nclass C:\n    x = 2\n    def m(self):\n        return x", ["Module"]),
        ("x = 1\nclass C:\n    x = 2\n    y = x", ["C"]),
        ("def f():\n    x = 1\n    class C:\n        def m(self):\n            return x", ["f"]),
        ("x = []\nprint([x for x in x])", ["ListComp", "Module"]),
        ("def f(y):\n    return [x for x in y if x]", ["ListComp", "ListComp"]),
        ("def f():\n    x = 1\n    return [x for y in ()]", ["f"]),
        ("def f(x):\n    return {k: x for k in x}", ["f", "f"]),
        ("def f(x):\n    return [[x for _ in y] for y in x]", ["f", "f"]),
        ("x = 1\nprint([lambda: x for y in ()])", ["Module"]),
        ("print([lambda: x for x in ()])", ["ListComp"]),
        ("def f():\n    [x := y for y in ()]\n    return x", ["f"]),
        ("class C:\n    x = 1\n    y = [x for _ in ()]", ["Module"]),
        ("class C:\n    x = ()\n    y = [_ for _ in x]", ["C"]),
        ("try:\n    pass\nexcept E as x:\n    print(x)", ["Module"]),
        ("@x\ndef f(x): ...", ["Module"]),
        ("def f(x: x): ...", ["Module"]),
        ("print((x for x in y), (x for x in z))", ["GeneratorExp", "GeneratorExp"]),
        ("f = lambda x: x; g = lambda: x", ["Lambda", "Module"]),
        ("async def f(y):\n    return {x async for x in y}", ["SetComp"]),
        ("match 1:\n    case [*x, {**y}]:\n        print(x)", ["Module"]),
    ],
)
def test_home_of_a_read(code: str, expected: list[str]) -> None:
    assert sorted(homes(code, "x")) == sorted(expected)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
def test_type_parameters_are_passed_through() -> None:
    code = "def f[T](x):\n    return x\nclass C[T]:\n    def m(self, x):\n        return x\n"
    assert homes(code, "x") == ["f", "m"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is new in Python 3.12")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "def f[x](a: x = x, *b: x) -> x: x",
            ["TypeVar", "Module", "TypeVar", "TypeVar", "TypeVar"],
        ),
        ("@x\nclass C[*x](x):\n    y = x", ["Module", "TypeVarTuple", "TypeVarTuple"]),
        ("class C:\n    x = 1\n    def f[T](self, a: x): x", ["C", "Module"]),
        ("type A[**x] = [x]\nx", ["ParamSpec", "Module"]),
    ],
)
def test_scopes_of_type_parameters(code: str, expected: list[str]) -> None:
    scopes = scopes_of(code)
    reads = [n for n in scopes.nodes(ast.Name) if n.id == "x" and isinstance(n.ctx, ast.Load)]
    nodes = [scopes.home_of(node).node for node in reads]
    found = [
        getattr(n, "name", "") if isinstance(n, ast.ClassDef) else type(n).__name__ for n in nodes
    ]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("import x", ["import"]),
        ("import x.y", ["import"]),
        ("from m import a as x", ["import"]),
        ("x = 1", ["assign"]),
        ("x: int = 1", ["assign"]),
        ("x: int", []),
        ("x = y = 1", ["assign"]),
        ("x, y = 1, 2", ["other"]),
        ("x += 1", ["other"]),
        ("for x in y: ...", ["other"]),
        ("with y as x: ...", ["other"]),
        ("def x(): ...", ["definition"]),
        ("class x: ...", ["definition"]),
        ("match y:\n    case x: ...", ["other"]),
        ("match y:\n    case {**x}: ...", ["other"]),
        ("try: ...\nexcept E as x: ...", ["other"]),
        ("(x := 1)", ["other"]),
        ("try:\n    import x\nexcept E:\n    x = None", ["import", "assign"]),
    ],
)
def test_kinds_of_binding(code: str, kinds: list[str]) -> None:
    assert [binding.kind for binding in scopes_of(code).module.bindings["x"]] == kinds


def test_parameters_bind_in_the_function() -> None:
    scopes = scopes_of("def f(a, /, b, *c, d, **e): ...")
    function = scopes.every[-1]
    assert name_of(function) == "f"
    assert {name for name in "abcde" if function.binds(name)} == set("abcde")


def test_star_imports_are_kept_apart() -> None:
    scopes = scopes_of("from m import *\nfrom n import x")
    assert [node.module for node in scopes.module.star_imports] == ["m"]
    assert list(scopes.module.bindings) == ["x"]


def test_deletion_is_a_read() -> None:
    scopes = scopes_of("x = 1\ndel x")
    assert len(scopes.module.reads["x"]) == 1


def test_type_checking_blocks() -> None:
    scopes = scopes_of("""
        import typing
        if typing.TYPE_CHECKING:
            import a
        else:
            import b
        if TYPE_CHECKING:
            import c
    """)
    inside = [scopes.in_type_checking(node) for node in scopes.nodes(ast.Import)]
    assert inside == [False, True, False, True]


def test_function_of_an_expression() -> None:
    scopes = scopes_of("def f():\n    return lambda: x\ny")
    x, y = (node for node in scopes.nodes(ast.Name))
    assert isinstance(scopes.function_of(x), ast.Lambda)
    assert scopes.function_of(y) is None


def test_chain_leaves_classes_around_out() -> None:
    scopes = scopes_of("class C:\n    def m(self):\n        return x")
    (x,) = scopes.nodes(ast.Name)
    assert [name_of(scope) for scope in scopes.scope_of(x).chain()] == ["m", "Module"]


def test_private_names_of_classes() -> None:
    code = "class _C:\n    def __m(self):\n        __x = 1\n        return __x\n    f = __m\n"
    assert homes(code, "__m") == ["_C"]
    assert homes(code, "__x") == ["__m"]


def test_asking_for_a_name_leaves_no_trace() -> None:
    module = scopes_of("x").module
    assert module.bindings["x"] == []
    assert not module.binds("x")
    assert not module.bindings


def test_bindings_from_elsewhere_are_in_the_order_of_the_text() -> None:
    first, last = (f"def f():\n    global x\n    x = {number}\n" for number in (1, 2))
    scopes = scopes_of(f"{first}with y as x:\n    del x\n{last}")
    kinds = [binding.kind for binding in scopes.module.bindings["x"]]
    assert kinds == ["assign", "other", "assign"]


def test_only_annotated_is_local() -> None:
    assert homes("x = 1\ndef f():\n    x: int\n    return x", "x") == ["f"]
    assert homes("x = 1\ndef f():\n    (x): int\n    return x", "x") == ["Module"]
    assert homes("x = 1\ndef f():\n    del x\n    return x", "x") == ["f"]
