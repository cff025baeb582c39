"""Request data in a global that several files use moves to `g` in all of them, or in none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flask_ctxfix.cli import main

STATE = """from flask import request

current_user_id = None


def load():
    global current_user_id
    current_user_id = request.headers["X-User"]
"""
VIEWS = """from flask import Flask

import mails
import reports
import state

app = Flask(__name__)


@app.get("/")
def index():
    state.load()
    return mails.to() + reports.about()
"""
MAILS = """import state


def to():
    return f"to {state.current_user_id}"
"""
REPORTS = """def about():
    from state import current_user_id

    return f"about {current_user_id}"
"""
FILES = {"state.py": STATE, "views.py": VIEWS, "mails.py": MAILS, "reports.py": REPORTS}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.flask-ctxfix]\n")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def apply(*arguments: str) -> int:
    select = ("--select", "CTX501", "--target-version", "3.1")
    return CliRunner().invoke(main, ["--apply", *select, *arguments]).exit_code


def moved(project: Path) -> list[str]:
    return sorted(path.name for path in project.glob("*.py") if "g.current" in path.read_text())


def unchanged(project: Path, *besides: str) -> bool:
    texts = {name: text for name, text in FILES.items() if name not in besides}
    return all((project / name).read_text() == text for name, text in texts.items())


def test_all_files_move(project: Path) -> None:
    assert apply() == 0
    assert moved(project) == ["mails.py", "reports.py", "state.py"]
    assert not any("state.current_user_id" in p.read_text() for p in project.glob("*.py"))
    assert apply() == 0


@pytest.mark.parametrize("name", ["mails.py", "state.py"])
def test_none_moves_if_one_use_is_silenced(project: Path, name: str) -> None:
    line = {"mails.py": '_id}"\n', "state.py": '"X-User"]\n'}[name]
    text = FILES[name].replace(line, line[:-1] + "  # noqa: CTX501\n")
    assert text != FILES[name]
    (project / name).write_text(text)
    apply()
    assert moved(project) == []
    assert unchanged(project, name)


def test_none_moves_if_one_file_is_skipped(project: Path) -> None:
    (project / "reports.py").write_text("# flask-ctxfix: skip-file\n" + REPORTS)
    apply()
    assert moved(project) == []
    assert unchanged(project, "reports.py")


def test_none_moves_if_one_file_is_not_searched(project: Path) -> None:
    apply("state.py")
    assert moved(project) == []
    assert unchanged(project)


@pytest.mark.parametrize(
    "reader",
    [
        "import state\n\nprint(state.current_user_id)\n",
        "from state import *\n\n\ndef show():\n    return current_user_id\n",
        'import state\n\n\ndef show():\n    return getattr(state, "current_user_id")\n',
        "import state\n\n\ndef show(view):\n    return view(state)\n\n\ncurrent_user_id = 1\n",
        "from flask import g\n\n\ndef show():\n    return g.current_user_id\n",
        "import state\n\n\ndef show():\n    return state.current_user_id\n",
        "import state\n\n\ndef show():\n    del state.current_user_id\n",
        "import state\n\n\ndef show():\n    state.current_user_id += 1\n",
        "import state\n\n\ndef show():\n    for state.current_user_id in (1, 2):\n        pass\n",
    ],
)
def test_none_moves_if_one_use_cannot(project: Path, reader: str) -> None:
    (project / "reader.py").write_text(reader)
    assert apply("--unsafe-fixes") == 1
    assert unchanged(project)
    assert (project / "reader.py").read_text() == reader
