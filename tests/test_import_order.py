"""Imports are sorted as Ruff sorts them, in files that were sorted, and in no others."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flask_ctxfix.import_order import in_order

OWN = {"shop", "state"}

SORTED = [
    pytest.param(
        "import os\n\nfrom flask import Flask\n",
        "from flask import g\nimport os\n\nfrom flask import Flask\n",
        "import os\n\nfrom flask import Flask, g\n",
        id="sections",
    ),
    pytest.param(
        "from .compat import stack\n",
        "from flask import g\nfrom .compat import stack\n",
        "from flask import g\n\nfrom .compat import stack\n",
        id="relative",
    ),
    pytest.param(
        "from shop import views\n",
        "from shop import views\nfrom flask import g\n",
        "from flask import g\n\nfrom shop import views\n",
        id="own",
    ),
    pytest.param(
        "from flask import Flask, request\n",
        "from flask import Flask, g as flask_g, request\n",
        "from flask import Flask, request\nfrom flask import g as flask_g\n",
        id="renamed",
    ),
    pytest.param(
        "from flask import Flask, request as req\n",
        "from flask import Flask, g as flask_g, request as req\n",
        "from flask import Flask, g as flask_g, request as req\n",
        id="renamed together",
    ),
    pytest.param(
        "from flask import Flask\nfrom flask import request\n",
        "from flask import Flask\nfrom flask import request\nfrom flask import g\n",
        "from flask import Flask\nfrom flask import g\nfrom flask import request\n",
        id="one a line",
    ),
    pytest.param(
        "from flask import Flask\nfrom flask import request as req\n",
        "from flask import Flask\nfrom flask import request as req\nfrom flask import g\n",
        "from flask import Flask, g\nfrom flask import request as req\n",
        id="joined",
    ),
    pytest.param(
        "import flask\n\nstack = flask._app_ctx_stack\n",
        "import flask\n\nfrom flask import g\n\nx = g\n",
        "import flask\nfrom flask import g\n\nx = g\n",
        id="blank lines",
    ),
    pytest.param(
        "from flask import (\n    Flask,\n    request as req,\n)\n",
        "from flask import (\n    Flask,\n    g,\n    request as req,\n)\n",
        "from flask import (\n    Flask,\n    g,\n    request as req,\n)\n",
        id="broken lines that are together",
    ),
    pytest.param(
        "def f():\n\tfrom flask import Flask\n",
        "def f():\n\tfrom flask import Flask, g as flask_g\n",
        "def f():\n\tfrom flask import Flask\n\tfrom flask import g as flask_g\n",
        id="in a function",
    ),
    pytest.param(
        "import os\r\n\r\nfrom flask import Flask\r\n",
        "from flask import Flask, g\r\nimport os\r\n",
        "import os\r\n\r\nfrom flask import Flask, g\r\n",
        id="newlines",
    ),
]
LEFT = [
    pytest.param("import sys\nimport os\n", "from flask import g\nimport sys\n", id="not sorted"),
    pytest.param("from flask import g, Flask\n", "import flask\nimport ast\n", id="names"),
    pytest.param("import os\nimport flask\n", "import flask\nimport ast\n", id="no blank line"),
    pytest.param("import os, sys\n", "import flask\nimport ast\n", id="two in one"),
    pytest.param("import os  # isort: skip\n", "import flask\nimport os\n", id="directive"),
    pytest.param("x = 1; import os\n", "from flask import g\nx = 1; import os\n", id="one line"),
    pytest.param(
        "import zlib\n\nx = zlib\n\nimport ast\n", "import zlib\n\nimport ast\n", id="old places"
    ),
    pytest.param("import os\n", "import os\nfrom flask import\n", id="syntax error"),
]


def ordered(old: str, new: str, length: int | None = None) -> str:
    return in_order(old, ast.parse(old), new, length, OWN.__contains__)


@pytest.mark.parametrize(("old", "new", "expected"), SORTED)
def test_new_imports_stand_where_sorters_have_them(old: str, new: str, expected: str) -> None:
    assert ordered(old, new) == expected


@pytest.mark.parametrize(("old", "new"), LEFT)
def test_files_that_are_not_sorted_stay_as_they_are(old: str, new: str) -> None:
    assert ordered(old, new) == new


@pytest.mark.parametrize(("length", "is_broken"), [(40, True), (88, False), (None, False)])
def test_long_imports_are_broken(length: int | None, is_broken: bool) -> None:
    old = "from flask import Flask\n"
    new = "from flask import Flask, current_app, request\n"
    broken = "from flask import (\n    Flask,\n    current_app,\n    request,\n)\n"
    assert ordered(old, new, length) == (broken if is_broken else new)


def test_lines_may_be_as_long_as_they_were() -> None:
    names = ", ".join(f"name_{number:02}" for number in range(10))
    old = f"from flask import {names}\n"
    new = f"from flask import {names}, z\n"
    assert len(old) > 88
    assert ordered(old, new.replace(", z", "")) == old
    assert ordered(old, new).count("\n") == 13


@pytest.mark.parametrize(
    ("setting", "cases"),
    [
        ("combine-as-imports", SORTED[4:5] + SORTED[8:9]),
        ("force-single-line", SORTED[5:6]),
        ("", SORTED[:4] + SORTED[6:8] + SORTED[9:]),
    ],
)
def test_ruff_has_nothing_to_sort(setting: str, cases: list[Any], tmp_path: Path) -> None:
    (tmp_path / "shop.py").touch()
    lines = ['lint.select = ["I001"]', f"lint.isort.{setting} = true" if setting else ""]
    (tmp_path / "ruff.toml").write_text("\n".join(lines))
    for number, case in enumerate(cases):
        (tmp_path / f"made_{number}.py").write_text(case.values[2], newline="")
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
