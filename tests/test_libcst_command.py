"""Each family of rules is also a command of LibCST's tool."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from flask_ctxfix.codemods import removed_apis

COMMAND = "flask_ctxfix.codemods.removed_apis.RemovedApisCommand"
STORE = """\
from flask import _app_ctx_stack


def connect(make):
    _app_ctx_stack.top.connection = make()
"""
READ = """\
from flask import _app_ctx_stack


def connection():
    return getattr(_app_ctx_stack.top, "connection", None)
"""


def codemod(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    tool = [sys.executable, "-m", "libcst.tool", "codemod", "--no-format", "-x", COMMAND]
    return subprocess.run([*tool, *arguments], cwd=folder, capture_output=True, text=True)


def flask_ctxfix(folder: Path, *arguments: str) -> None:
    tool = [sys.executable, "-m", "flask_ctxfix", "--apply"]
    subprocess.run([*tool, *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "store.py").write_text(STORE)
    (tmp_path / "src" / "read.py").write_text(READ)
    return tmp_path


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.rglob("*.py"))}


def test_rewrites_as_the_tool_itself_does(project: Path, tmp_path_factory: pytest.TempPathFactory):
    other = tmp_path_factory.mktemp("other")
    (other / "store.py").write_text(STORE)
    (other / "read.py").write_text(READ)
    flask_ctxfix(other, ".")

    result = codemod(project, "src")

    assert result.returncode == 0, result.stderr
    assert texts(project) == texts(other)
    assert "_app_ctx_stack" not in "".join(texts(project).values())


def test_files_that_are_not_given_are_judged_but_not_written(project: Path):
    # A context that is handed on keeps its attributes, in all files.
    (project / "src" / "hand_on.py").write_text(
        "from flask import _app_ctx_stack\n\n\ndef current():\n    return _app_ctx_stack.top\n"
    )
    codemod(project, "src/read.py")
    assert "app_ctx" in texts(project)["read.py"]
    assert "from flask import g" not in texts(project)["read.py"]
    assert texts(project)["store.py"] == STORE


def test_warns_of_what_needs_a_hand(project: Path):
    text = "from flask import _request_ctx_stack\n\n_request_ctx_stack.push(object())\n"
    (project / "src" / "push.py").write_text(text)
    result = codemod(project, "src/push.py")
    assert "3:1: CTX401" in result.stderr
    assert texts(project)["push.py"] == text


def test_reads_the_configuration(project: Path):
    (project / "pyproject.toml").write_text("[tool.flask-ctxfix]\nignore = ['CTX4']\n")
    assert codemod(project, "src").returncode == 0
    assert texts(project) == {"store.py": STORE, "read.py": READ}


def test_a_file_outside_of_any_project(tmp_path: Path):
    (tmp_path / "read.py").write_text(READ)
    assert codemod(tmp_path, "read.py").returncode == 0
    assert "_app_ctx_stack" not in (tmp_path / "read.py").read_text()


def test_other_processes_find_the_class():
    command = removed_apis.RemovedApisCommand
    assert pickle.loads(pickle.dumps(command)) is command


def test_the_family_alone_does_not_import_libcst(tmp_path: Path):
    code = f"import sys, {removed_apis.__name__}; sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


def test_no_other_name():
    with pytest.raises(AttributeError, match="has no attribute 'Command'"):
        _ = removed_apis.Command
