"""Which files can matter, by their import lines alone."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_ctxfix.module_files import ModuleFiles
from flask_ctxfix.reach import (
    Import,
    Loading,
    files_that_matter,
    imports_in,
    leads_to_flask,
    programs,
)
from flask_ctxfix.source import decode

Write = Callable[[dict[str, str | bytes]], None]


def _matter() -> list[str]:
    """Return the files of the current folder that matter."""
    paths = sorted(map(str, Path().rglob("*.py")))
    return sorted(files_that_matter(paths, ModuleFiles(paths, str(Path.cwd())), {})[0])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import a", [Import("a")]),
        ("import a.b as c, d", [Import("a.b"), Import("d")]),
        ("import a, \\\n    b\nc", [Import("a"), Import("b")]),
        ("import a, \\\r\n    b\r\nc", [Import("a"), Import("b")]),
        ("from a import b", [Import("a", 0, ("b",))]),
        ("from a.b import c as d, e", [Import("a.b", 0, ("c", "e"))]),
        ("from a import (b,  # with ) and import\n    c,\n)\n", [Import("a", 0, ("b", "c"))]),
        ("from a import(b)", [Import("a", 0, ("b",))]),
        ("from . import a", [Import("", 1, ("a",))]),
        ("from .import a", [Import("", 1, ("a",))]),
        ("from ...a.b import c", [Import("a.b", 3, ("c",))]),
        ("from a \\\n  import b", [Import("a", 0, ("b",))]),
        ("from a import *", [Import("a", 0, ("*",))]),
        ("try: import a\nexcept E: from b import c", [Import("a"), Import("b", 0, ("c",))]),
        ("x = 1; import a; import b", [Import("a"), Import("b")]),
        ("def f():\n\timport a\n", [Import("a")]),
        ("\ufeffimport a", [Import("a")]),
        ("import_module('a.b')", [Import("a.b")]),
        ("importlib.import_module(\n  '.a', __name__)", [Import("a", 1)]),
        ("__import__('a')", [Import("a")]),
        ("# import a\nx = important\nreimport = imports", []),
        ("x = 1  # was: import a", []),
        ("from a import b; from c import d", [Import("a", 0, ("b",)), Import("c", 0, ("d",))]),
        ("from_a = 1; import b", [Import("b")]),
        ("x = '" + 2_000 * "-" + "'; import a", [Import("a")]),
        ("import", []),
        ("from import (", []),
    ],
)
def test_imports_of_a_file(code: str, expected: list[Import]) -> None:
    assert list(imports_in(code.encode())) == expected


@given(st.binary() | st.text("import from.a,()\\\n\r;#\x00'_", max_size=60).map(str.encode))
@settings(deadline=None)
def test_no_bytes_are_too_odd(data: bytes) -> None:
    list(imports_in(data))


_ODD_CODE = st.lists(
    st.sampled_from(["import ", "import_module(", "from ", "a", ".", ",", "b", "(", ")", "'a'"])
    | st.sampled_from(["\\\n", "\\\r\n", "\n", "\r", ";", "#", "flask", " ", "\ufeff", "-" * 990]),
    max_size=30,
)


@example(["", "import a" + 995 * "-" + ";import a"])
@given(st.lists(_ODD_CODE.map("".join), max_size=3))
@settings(deadline=None)
def test_what_was_read_of_one_file_changes_no_other(texts: list[str]) -> None:
    files = ModuleFiles(["a.py", "import.py"], str(Path.cwd()))
    loading = Loading(files)
    for data in map(str.encode, ("\n".join(texts), *texts, *texts)):
        imports = [*imports_in(data)]
        here = tuple(each for each in imports if each.level or files.may_be_of(each.module))
        assert loading.imports_in(data) == (here, any(map(leads_to_flask, imports)))


def test_lines_of_real_code_name_what_the_tree_names() -> None:
    library = Path(ast.__file__).parent
    for path in sorted(library.glob("*.py")):
        data = path.read_bytes()
        nodes = [*ast.walk(ast.parse(data))]
        named = {
            Import(node.module or "", node.level, tuple(each.name for each in node.names))
            for node in nodes
            if isinstance(node, ast.ImportFrom)
        }
        named |= {
            Import(each.name)
            for node in nodes
            if isinstance(node, ast.Import)
            for each in node.names
        }
        assert named <= {*imports_in(data)}, path


def test_a_tree_without_an_import_of_flask_has_nothing(tree: Write) -> None:
    tree({"a.py": "# import flask\nimport b\n", "b.py": "x = 'flask'\n"})
    assert _matter() == []


def test_importers_and_what_they_import_matter(tree: Write) -> None:
    tree(
        {
            "app/__init__.py": "from flask import Flask\n",
            "app/views.py": "from . import helpers\n",
            "app/helpers/__init__.py": "",
            "app/helpers/store.py": "",
            "deep.py": "def f():\n    import run\n",
            "run.py": "from app.views import x\nfrom lib import a\n",
            "lib/a.py": "import lib.b\n",
            "lib/b.py": "",
            "lib/c.py": "import lib.a\n",
            "other.py": "import other_too\n",
            "other_too.py": "import os\n",
        }
    )
    assert _matter() == [
        "app/__init__.py",
        "app/helpers/__init__.py",
        "app/helpers/store.py",  # runs app/__init__.py first
        "app/views.py",
        "deep.py",
        "lib/a.py",
        "lib/b.py",
        "lib/c.py",  # uses what the application uses
        "run.py",
    ]


def test_tests_matter_that_fixtures_of_the_application_are_given_to(tree: Write) -> None:
    tree(
        {
            "app.py": "import flask\n",
            "tests/conftest.py": "import app\n",
            "tests/unit/test_a.py": "def test(client): pass\n",
            "tests/unit/helpers.py": "",
            "others/test_b.py": "",
        }
    )
    assert _matter() == ["app.py", "tests/conftest.py", "tests/unit/test_a.py"]


def test_strings_lead_as_imports_do(tree: Write) -> None:
    tree(
        {
            "app.py": "import flask\napp.config.from_object('settings.Live')\n",
            "settings.py": "",
            "worker.py": "c = Celery('w', include=['tasks'])\n",
            "tasks.py": "import app\n",
            "other.py": "'nothing'\n",
        }
    )
    assert _matter() == ["app.py", "other.py", "settings.py", "tasks.py", "worker.py"]


def test_comments_lead_nowhere(tree: Write) -> None:
    text = "import flask\n# import a\nx = 1  # see 'b', and from c import d\n"
    tree({"app.py": f"{text}# import_module(name)\n", "a.py": "", "b.py": "", "c.py": ""})
    assert _matter() == ["app.py"]
    tree({"app.py": f"{text}x = '#', 'b'\n"})
    assert _matter() == ["app.py", "b.py"]


def test_what_is_loaded_by_names_of_a_run_lies_in_the_folder(tree: Write) -> None:
    tree(
        {
            "site/app.py": "import flask\nfor n in names: import_module(f'plugins.{n}')\n",
            "site/plugins/a.py": "",
            "other/b.py": "",
        }
    )
    assert _matter() == ["site/app.py", "site/plugins/a.py"]


def test_packages_that_build_on_flask_count(tree: Write) -> None:
    tree(
        {
            "a.py": "from flask_login import current_user\n",
            "b.py": "import connexion\n",
            "c.py": "from apiflask import APIFlask\n",
            "d.py": "from web.flask_utils import x\n",
            "e.py": "import dashing\n",
        }
    )
    assert _matter() == ["a.py", "b.py", "c.py", "d.py"]


def test_text_that_is_not_on_the_disk_counts(tree: Write) -> None:
    tree({"a.py": "", "b.py": "import a\n"})
    sources = {"a.py": decode("a.py", b"import flask\n")}
    files = ModuleFiles(["a.py", "b.py"], str(Path.cwd()))
    assert files_that_matter(["a.py", "b.py"], files, sources)[:2] == ({"a.py", "b.py"}, [])


def test_what_shares_no_code_is_a_program_of_its_own(tree: Write) -> None:
    flask = "import flask\n"
    tree(
        {
            "shop/shop.py": f"{flask}import prices\n",
            "shop/prices.py": "",
            "mail/mail.py": flask,
            "packages/core/src/core/__init__.py": "",
            "packages/core/src/core/state.py": flask,
            "packages/web/src/web.py": f"{flask}from core import state\n",
            "tools/run.py": "import subprocess\nfor each in ('mail', 'shop'):\n    print(each)\n",
        }
    )
    paths = [path.as_posix() for path in Path().rglob("*.py")]
    reach = files_that_matter(paths, ModuleFiles(paths, str(Path.cwd())), {})

    def project_of(path: str) -> str:
        return path.partition("/src/")[0] if "/src/" in path else path.partition("/")[0]

    assert [sorted(each) for each in programs(reach, project_of)] == [
        ["mail/mail.py"],
        [
            "packages/core/src/core/__init__.py",
            "packages/core/src/core/state.py",
            "packages/web/src/web.py",
        ],
        ["shop/prices.py", "shop/shop.py"],
    ]
    assert programs(reach, lambda _: "one project") == [reach.files]


def test_a_name_that_several_projects_have_leads_to_none_of_them(tree: Write) -> None:
    tree(
        {
            "orders/app.py": "import flask\n",
            "parcels/app.py": "import flask\nimport prices\n",
            "prices/prices.py": "import flask\n",
            "vendored/flask/__init__.py": "import flask.app\n",
            "tools/run.py": "import flask\nimport app\n",
        }
    )
    paths = [path.as_posix() for path in Path().rglob("*.py")]
    reach = files_that_matter(paths, ModuleFiles(paths, str(Path.cwd())), {})
    parts = programs(reach, lambda path: path.partition("/")[0])
    assert [sorted(each) for each in parts] == [
        ["orders/app.py"],
        ["parcels/app.py", "prices/prices.py"],
        ["tools/run.py"],
        ["vendored/flask/__init__.py"],
    ]


@pytest.mark.parametrize("mark", ["setup.py", "requirements.txt", "pyproject.toml"])
def test_the_top_of_a_project_is_no_package_whatever_stands_there(tree: Write, mark: str) -> None:
    inside = {
        "__init__.py": "",
        "shop/__init__.py": "import flask\n",
        "prices.py": "import flask\n",
    }
    tree({f"project/{path}": code for path, code in inside.items()})
    tree({"project/package/__init__.py": "", "project/package/prices.py": "import flask\n"})
    paths = sorted(path.as_posix() for path in Path().rglob("*.py"))

    def found(name: str) -> str | None:
        files = ModuleFiles(paths, str(Path.cwd()))
        return files.find(name, "project/package/prices.py")

    assert (found("shop"), found("prices")) == (None, None)
    tree({f"project/{mark}": ""})
    assert found("shop") == "project/shop/__init__.py"
    assert found("prices") == "project/prices.py"
    assert found("project.shop") == "project/shop/__init__.py"
