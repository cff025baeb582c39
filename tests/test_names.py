"""What names stand for across files, compared with what Python itself makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.names.layouts import EXACT, NOT_WRONG
from tests.names.python_names import Asked, Layout, Python


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, str]]]:
    root = tmp_path_factory.mktemp("layouts")
    every = {**EXACT, **NOT_WRONG}
    roots = {name: root / str(number) for number, name in enumerate(every)}
    for name, layout in every.items():
        layout.write(roots[name])
    with Python() as python:
        return {
            name: (roots[name], python.names(roots[name], each)) for name, each in every.items()
        }


@pytest.mark.parametrize("name", [*EXACT, *NOT_WRONG])
def test_names_are_those_of_python(
    answers: dict[str, tuple[Path, dict[str, str]]], name: str
) -> None:
    root, found = answers[name]
    layout = EXACT.get(name) or NOT_WRONG[name]
    assert "error" not in found, found
    for where, value in found.items():
        asked = Asked(layout.write(root), root, where)
        assert asked.may_be(value), f"{where}: Python has {value}, not {asked!r}"
        if name in EXACT and layout.exact:
            assert asked.is_exactly(value), f"{where}: Python has {value}, not only {asked!r}"


LONG = 3000


@pytest.mark.parametrize(
    ("first", "link", "last", "value"),
    [
        ("from flask import g as x", "from {before} import x", "from {before} import x", "flask.g"),
        ("def x(): ...", "from {before} import x", "from {before} import x", "m0.py:x"),
        ("def x(): ...", "from {before} import *", "from {before} import x", "m0.py:x"),
        ("x = None", "x = 1\nfrom {before} import x", "from {before} import x", "None"),
    ],
)
def test_chains_have_no_limit(tmp_path: Path, first: str, link: str, last: str, value: str) -> None:
    files = {"m0.py": first}
    files |= {f"m{n}.py": link.format(before=f"m{n - 1}") for n in range(1, LONG)}
    files["main.py"] = f"{last.format(before=f'm{LONG - 1}')}\nasked = x"
    assert Asked(Layout(files).write(tmp_path), tmp_path, "main.py").is_exactly(value)


def test_chains_of_attributes_and_aliases_have_no_limit(tmp_path: Path) -> None:
    files = {"m0.py": "from flask import g as x0"}
    files |= {f"m{n}.py": f"import m{n - 1} as m" for n in range(1, 200)}
    aliases = "\n".join(f"x{n} = x{n - 1}" for n in range(1, LONG))
    files["main.py"] = f"import m199\nx0 = m199{'.m' * 199}.x0\n{aliases}\nasked = x{LONG - 1}"
    project = Layout(files).write(tmp_path)
    module = project.module(str(tmp_path / "main.py"))
    assert project.origins(module, module.tree.body[-1].value) == {"flask.g"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [2, 200, LONG])
def test_circles_have_one_answer(tmp_path: Path, size: int) -> None:
    files = {
        f"m{n}.py": f"try:\n    from m{(n + 1) % size} import x\nexcept ImportError:\n    x = None"
        for n in range(size)
    }
    files["m1.py"] = files["m1.py"].replace("None", "open")
    files |= {f"main{n}.py": f"from m{n} import x\nasked = x" for n in (0, size // 2, size - 1)}
    for order in ([0, size // 2, size - 1], [size - 1, 0, size // 2]):
        project = Layout(files).write(tmp_path)
        modules = [project.module(str(tmp_path / f"main{n}.py")) for n in order]
        found = {project.origins(m, m.tree.body[-1].value) for m in modules}  # type: ignore[attr-defined]
        assert found == {frozenset({"None", "builtins.open"})}
