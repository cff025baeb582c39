"""What names mean across the files of a project."""

from __future__ import annotations

import ast
import weakref
from collections.abc import Mapping
from pathlib import Path

import pytest

from flask_ctxfix import kept_modules
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.source import SourceError


def project_of(folder: Path, files: Mapping[str, str]) -> Project:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Project([str(folder / name) for name in files])


def origins(folder: Path, files: Mapping[str, str], where: str = "main.py") -> set[str]:
    """Return what the last expression of the file `where` stands for."""
    project = project_of(folder, files)
    module = project.module(str(folder / where))
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    return set(project.origins(module, last.value))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from flask import g\ng", {"flask.g"}),
        ("from flask import g as h\nh", {"flask.g"}),
        ("import flask\nflask.g", {"flask.g"}),
        ("import flask as f\nf.globals.g", {"flask.globals.g"}),
        ("import flask.globals\nflask.globals.g", {"flask.globals.g"}),
        ("import flask.globals as fg\nfg.g", {"flask.globals.g"}),
        ("from flask import g\nh = g\nh", {"flask.g"}),
        ("from flask import g\nif x:\n    g = None\ng", {"flask.g", "None"}),
        ("from flask import g\ng = 1\ng", {"flask.g", "?"}),
        ("try:\n    from flask import a as s\nexcept E:\n    from flask import b as s\ns",
         {"flask.a", "flask.b"}),
        ("from flask import a, b\ns = a or b\ns", {"flask.a", "flask.b"}),
        ("from flask import *\ng", {"flask.g"}),
        ("from flask import *\n_app_ctx_stack", {"?"}),
        ("from flask.app import *\ng", {"?"}),
        ("len", {"builtins.len"}),
        ("def f(): ...\nf", {"?"}),
        ("a = b\nb = a\na", {"?"}),
        ("f().g", {"?"}),
        ("from . import g\ng", {"?"}),
    ],
)  # fmt: skip
def test_one_file(tmp_path: Path, code: str, expected: set[str]) -> None:
    assert origins(tmp_path, {"main.py": code}) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.py": "from flask import g", "main.py": "from a import g\ng"}, {"flask.g"}),
        ({"a.py": "import flask\ng = flask.g", "main.py": "import a\na.g"}, {"flask.g"}),
        ({"a.py": "from flask import *", "main.py": "from a import g\ng"}, {"flask.g"}),
        ({"a.py": "from flask import g", "main.py": "from a import *\ng"}, {"flask.g"}),
        ({"a.py": "from flask import g as _g", "main.py": "from a import *\n_g"}, {"?"}),
        ({"a.py": "x = 1", "main.py": "from a import *\ng"}, {"?"}),
        ({"a.py": "x = 1", "main.py": "from a import g\ng"}, {"a.g"}),
        ({"a.py": "def g(): ...", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "for g in x: ...", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "with x as g: ...", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "g += 1", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "(", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "from b import g", "b.py": "from flask import g",
          "main.py": "from a import g\ng"}, {"flask.g"}),
        ({"a.py": "from main import g", "main.py": "from a import g\ng"}, {"?"}),
        ({"a.py": "if x:\n    from flask import g\nelse:\n    g = None",
          "main.py": "from a import g\ng"}, {"flask.g", "None"}),
        ({"flask/__init__.py": "", "flask/globals.py": "g = LocalProxy()",
          "main.py": "from flask.globals import g\ng"}, {"?"}),
    ],
)  # fmt: skip
def test_other_files(tmp_path: Path, files: dict[str, str], expected: set[str]) -> None:
    assert origins(tmp_path, files) == expected


PACKAGE = {
    "src/pkg/__init__.py": "from .compat import stack",
    "src/pkg/compat.py": "from flask import _app_ctx_stack as stack",
    "src/pkg/sub/__init__.py": "",
}


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("src/pkg/use.py", "from .compat import stack\nstack"),
        ("src/pkg/use.py", "from . import compat\ncompat.stack"),
        ("src/pkg/use.py", "from . import stack\nstack"),
        ("src/pkg/sub/use.py", "from ..compat import stack\nstack"),
        ("src/pkg/sub/use.py", "from .. import compat\ncompat.stack"),
        ("src/pkg/use.py", "from pkg.compat import stack\nstack"),
        ("src/use.py", "import pkg.compat\npkg.compat.stack"),
        ("tests/test_use.py", "from pkg import stack\nstack"),
    ],
)
def test_packages(tmp_path: Path, where: str, code: str) -> None:
    assert origins(tmp_path, {**PACKAGE, where: code}, where) == {"flask._app_ctx_stack"}


def test_each_copy_of_a_package_sees_itself(tmp_path: Path) -> None:
    files = {
        f"{copy}/{name}": text
        for copy in ("one", "two")
        for name, text in {
            "pkg/__init__.py": "",
            "pkg/a.py": f"from flask import {copy}_stack as stack",
            "use.py": "from pkg.a import stack\nstack",
        }.items()
    }
    assert origins(tmp_path, files, "one/use.py") == {"flask.one_stack"}
    assert origins(tmp_path, files, "two/use.py") == {"flask.two_stack"}


def test_a_module_of_another_folder_is_not_ours(tmp_path: Path) -> None:
    files = {"deep/er/a.py": "from flask import g", "main.py": "from a import g\ng"}
    assert origins(tmp_path, files) == {"a.g"}


def test_bindings_follow_imports(tmp_path: Path) -> None:
    project = project_of(
        tmp_path,
        {
            "a.py": "app = Flask(__name__)",
            "b.py": "from a import app",
            "main.py": "import b\nfrom b import app\nb.app\napp\nnothing.app",
        },
    )
    module = project.module(str(tmp_path / "main.py"))
    *_, attribute, name, unknown = (s.value for s in module.tree.body if isinstance(s, ast.Expr))
    for node in (attribute, name):
        ((owner, binding),) = project.bindings(module, node)
        assert owner.path == str(tmp_path / "a.py")
        assert isinstance(binding.value, ast.Call)
    assert project.bindings(module, unknown) == []


def test_bindings_of_a_broken_module(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"a.py": "(", "main.py": "from a import app\napp"})
    module = project.module(str(tmp_path / "main.py"))
    last = module.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert project.bindings(module, last.value) == []


def test_what_does_not_parse_is_read_once(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"broken.py": "def ("})
    path = str(tmp_path / "broken.py")
    with pytest.raises(SourceError) as first:
        project.module(path)
    (tmp_path / "broken.py").write_text("whole = 1")
    with pytest.raises(SourceError) as second:
        project.module(path)
    assert second.value is first.value


def test_modules_that_do_not_fit_are_dropped_if_none_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_modules, "_ALWAYS_KEPT", 2_500)
    monkeypatch.setattr(kept_modules, "_PART_KEPT", 0)
    files = {f"m{number}.py": f"x = {number}\n" + "#" * 1_000 for number in range(6)}
    project = project_of(tmp_path, files)
    paths = [str(tmp_path / name) for name in files]
    kept = weakref.ref(project.module(paths[0]))
    for path in paths[1:4]:
        project.module(path)
    used = project.module(paths[4])
    used.memo("dropped", lambda: 1)
    dropped = weakref.ref(project.module(paths[3]))
    project.module(paths[5])
    assert project.module(paths[4]) is used
    assert used.memo("dropped", lambda: 2) == 2
    assert dropped() is None
    assert project.module(paths[0]) is kept()
    assert project.dropped > 0


def module_of(tmp_path: Path, text: str) -> Module:
    path = tmp_path / "module.py"
    path.write_bytes(text.encode())
    return Project([str(path)]).module(str(path))


def test_spans_are_in_characters(tmp_path: Path) -> None:
    module = module_of(tmp_path, "a = 'äöü'; b = c\r\nd\re\n\fe")
    names = [node for node in ast.walk(module.tree) if isinstance(node, ast.Name)]
    assert [module.segment(name) for name in names] == [name.id for name in names]
    (c,) = (name for name in names if name.id == "c")
    assert module.position(module.span(c).start) == (1, 16)
    assert module.line(1) == "a = 'äöü'; b = c"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("(" * 1000, "nested"),
        ("x = (\n", "2: cannot parse|1: cannot parse"),
        ("print 'x'\n", "1: cannot parse: Missing parentheses"),
    ],
)
def test_what_does_not_parse(tmp_path: Path, text: str, cause: str) -> None:
    with pytest.raises(SourceError, match=cause):
        module_of(tmp_path, text)


def test_scopes_of_deep_nesting(tmp_path: Path) -> None:
    assert module_of(tmp_path, "x = " + "+".join(["y"] * 1500) + "\n").scopes.module.binds("x")
    with pytest.raises(SourceError, match="nested too deeply"):
        assert module_of(tmp_path, "x = " + "lambda: " * 5000 + "y\n").scopes


def test_items_of_with_have_the_place_of_their_parts(tmp_path: Path) -> None:
    text = "with open('é') as a, (b):\n    [c for c in a if c]\n"
    project = project_of(tmp_path, {"main.py": text})
    module = project.module(str(tmp_path / "main.py"))
    placeless = [
        each for each in ast.walk(module.tree) if isinstance(each, ast.withitem | ast.comprehension)
    ]
    assert [module.segment(each) for each in placeless] == ["open('é') as a", "b", "c in a if c"]
