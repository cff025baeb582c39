"""Modules that import each other in any way: the project's names are never not those of Python."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.names.python_names import Asked, Layout, Python

FILES = {"p/__init__.py": "p", "p/a.py": "p.a", "p/b.py": "p.b", "c.py": "c", "d.py": "d"}
NAMES = ("a", "b", "x", "y", "len")

names = st.sampled_from(NAMES)
modules = st.sampled_from([*FILES.values()])


@st.composite
def statements(draw: st.DrawFn) -> str:
    name, other, module = draw(names), draw(names), draw(modules)
    statement = draw(
        st.sampled_from(
            [
                f"def {name}(): ...",
                f"{name} = None",
                f"{name} = {other}",
                f"from {module} import {name}",
                f"from {module} import {name} as {other}",
                f"from {module} import *",
                f"import {module}",
                f"import {module} as {name}",
                f"from p import {draw(st.sampled_from(['a', 'b']))}",
                f"from flask import g as {name}",
                f"del {name}",
                f"__all__ = [{name!r}]",
            ]
        )
    )
    kind = draw(st.sampled_from(["plain", "plain", "try", "if", "typing"]))
    if kind == "try":
        return f"try:\n    {statement}\nexcept Exception:\n    {name} = None"
    if kind == "if":
        return f"if __name__:\n    {statement}"
    if kind == "typing":
        return f"TYPE_CHECKING = False\nif TYPE_CHECKING:\n    {statement}\nelse:\n    pass"
    return statement


ASK = "def asked():\n    return [{}]".format(", ".join(NAMES))

texts = st.lists(statements(), max_size=5).map("\n".join)
any_graph = st.fixed_dictionaries(dict.fromkeys(FILES, texts))


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, str]:
    """Modules that import those before them, and bind each name once."""
    files: dict[str, str] = {}
    bound: dict[str, list[str]] = {}
    for number in range(draw(st.integers(2, 7))):
        own = [f"f{number}"]
        lines = [
            draw(st.sampled_from([f"def f{number}(): ...", f"from flask import g as f{number}"]))
        ]
        for part in range(draw(st.integers(0, 3)) if bound else 0):
            before = draw(st.sampled_from(sorted(bound)))
            wanted = draw(st.sampled_from(bound[before]))
            local = f"n{number}_{part}"
            way = draw(st.sampled_from(["from", "as", "import", "alias", "star"]))
            if way == "star" and not set(bound[before]) & set(own):
                lines.append(f"from {before} import *")
                own += bound[before]
            elif way == "from" and wanted not in own:
                lines.append(f"from {before} import {wanted}")
                own.append(wanted)
            elif way == "import":
                lines.append(f"import {before} as {local}")
                own.append(local)
            elif way == "alias":
                lines.append(f"import {before} as {local}_\n{local} = {local}_.{wanted}")
                own += [local, f"{local}_"]
            else:
                lines.append(f"from {before} import {wanted} as {local}")
                own.append(local)
        bound[f"m{number}"] = own
        files[f"m{number}.py"] = "\n".join(lines)
    return files


@pytest.fixture(scope="module")
def python() -> Iterator[Python]:
    with Python() as process:
        yield process


at_random = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


@example(
    files={
        "p/__init__.py": "a = None\ntry:\n    __all__ = ['b']\nexcept Exception:\n    b = None",
        "p/a.py": "",
        "p/b.py": "",
        "c.py": "",
        "d.py": "def a(): ...\nfrom p import *",
    },
    entries=[*FILES.values()],
)
@example(
    files={
        "p/__init__.py": "",
        "p/a.py": "",
        "p/b.py": "def a(): ...\nfrom d import *\ndef b(): ...",
        "c.py": "",
        "d.py": "def a(): ...\nfrom p.b import a\n__all__ = ['b']",
    },
    entries=["p", "p.a", "c", "d", "p.b"],
)
@at_random
@given(files=any_graph, entries=st.permutations([*FILES.values()]))
def test_names_are_never_others(
    tmp_path: Path, python: Python, files: dict[str, str], entries: list[str]
) -> None:
    shutil.rmtree(tmp_path)
    questions = [f"{module}.{name}" for module in FILES.values() for name in NAMES]
    main = "\n".join([*(f"import {module}" for module in FILES.values()), *questions])
    layout = Layout({name: f"{text}\n{ASK}" for name, text in files.items()})
    imports = main.removesuffix("\n".join(questions))
    asking = replace(
        layout,
        files={**layout.files, "main.py": imports},
        where=(),
        entries=[*entries, "main"],
        questions=questions,
    )
    asking.write(tmp_path)
    found = python.names(tmp_path, asking)
    assume("error" not in found)
    project = Layout({**layout.files, "main.py": main}).write(tmp_path)
    for file in files:
        tree = project.module(str(tmp_path / file)).tree
        (*_, last) = (each for each in ast.walk(tree) if isinstance(each, ast.Return))
        for node in last.value.elts:  # type: ignore[union-attr]
            if node.id in found[file]:  # type: ignore[attr-defined]
                asked, has = Asked(project, tmp_path, file, node), found[file][node.id]  # type: ignore[attr-defined]
                assert asked.may_be(has), (file, ast.unparse(node), has, asked)
    for statement in project.module(str(tmp_path / "main.py")).tree.body:
        question = ast.unparse(statement)
        if isinstance(statement, ast.Expr) and question in found:
            asked = Asked(project, tmp_path, "main.py", statement.value)
            assert asked.may_be(found[question]), (question, found[question], asked)


@at_random
@given(files=acyclic())
def test_names_are_those_of_python_where_each_is_bound_once(
    tmp_path: Path, python: Python, files: dict[str, str]
) -> None:
    shutil.rmtree(tmp_path)
    entries = [name.removesuffix(".py") for name in files]
    layout = Layout(files, where=(), entries=entries)
    layout.write(tmp_path)
    found = python.names(tmp_path, layout)
    assert "error" not in found, found
    questions = [f"{file[:-3]}.{name}" for file, has in found.items() for name in has]
    main = "\n".join([*(f"import {name}" for name in entries), *questions])
    project = Layout({**files, "main.py": main}).write(tmp_path)
    for statement in project.module(str(tmp_path / "main.py")).tree.body:
        if isinstance(statement, ast.Expr):
            module, _, name = ast.unparse(statement.value).rpartition(".")
            value = found[f"{module}.py"][name]
            asked = Asked(project, tmp_path, "main.py", statement.value)
            assert asked.is_exactly(value), (module, name, value, asked)
