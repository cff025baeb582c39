"""An attribute that several files keep on a context moves in all of them, or in none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flask_ctxfix import verify
from flask_ctxfix.cli import main
from flask_ctxfix.codemod import RewriteError
from flask_ctxfix.module import Module

WRITER = """from flask import _app_ctx_stack


def put(value):
    _app_ctx_stack.top.thing = value
"""
READER = """from flask import _app_ctx_stack


def get():
    return _app_ctx_stack.top.thing
"""
LOOKUP = """from functools import partial

from flask.globals import _lookup_app_object
from werkzeug.local import LocalProxy

thing = LocalProxy(partial(_lookup_app_object, "thing"))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.flask-ctxfix]\n")
    (tmp_path / "writer.py").write_text(WRITER)
    (tmp_path / "reader.py").write_text(READER)
    (tmp_path / "lookup.py").write_text(LOOKUP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stores(project: Path) -> set[str]:
    """Return which of the two places the files of a project keep the attribute in."""
    texts = [path.read_text() for path in project.glob("*.py")]
    return {place for place in ("g.thing", "app_ctx.thing") for text in texts if place in text}


def apply(*arguments: str) -> int:
    return CliRunner().invoke(main, ["--apply", "--target-version", "3.1", *arguments]).exit_code


def test_all_files_move(project: Path) -> None:
    assert apply() == 0
    assert stores(project) == {"g.thing"}


def test_none_moves_if_one_use_is_silenced(project: Path) -> None:
    (project / "reader.py").write_text(READER.replace("thing\n", "thing  # noqa: CTX402\n"))
    apply()
    assert stores(project) == {"app_ctx.thing"}
    assert "_app_ctx_stack.top.thing" in (project / "reader.py").read_text()


def test_none_moves_if_one_file_is_skipped(project: Path) -> None:
    (project / "lookup.py").write_text("# flask-ctxfix: skip-file\n" + LOOKUP)
    apply()
    assert stores(project) == {"app_ctx.thing"}


def test_none_moves_if_one_file_is_not_searched(project: Path) -> None:
    assert apply("writer.py") == 0
    assert stores(project) == {"app_ctx.thing"}
    assert (project / "reader.py").read_text() == READER


def test_none_moves_if_one_name_is_computed(project: Path) -> None:
    (project / "lookup.py").write_text(
        LOOKUP.replace('partial(_lookup_app_object, "thing")', "partial(_lookup_app_object, NAME)")
    )
    assert apply() == 0
    assert stores(project) == {"app_ctx.thing"}


def test_none_moves_if_the_name_is_taken(project: Path) -> None:
    (project / "taken.py").write_text("from flask import g\n\n\ndef use():\n    g.thing = 1\n")
    assert apply() == 0
    assert stores(project) == {"app_ctx.thing", "g.thing"}
    assert "app_ctx.thing" in (project / "writer.py").read_text()
    assert "app_ctx.thing" in (project / "reader.py").read_text()


@pytest.mark.parametrize("name", ["reader.py", "writer.py", "lookup.py"])
def test_none_moves_if_one_fix_does_not_stand_the_proof(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The others of the group are taken out; what the files need on their own is still done."""
    real = verify.verify

    def refuse(before: Module, *rest: Any) -> None:
        applied = rest[-1]
        if before.path == name and any(finding.fix.groups for finding in applied):
            raise RewriteError("refused")
        real(before, *rest)

    monkeypatch.setattr(verify, "verify", refuse)
    apply()
    assert "g.thing" not in stores(project)
    texts = {path.name: path.read_text() for path in project.glob("*.py")}
    apply()
    assert {path.name: path.read_text() for path in project.glob("*.py")} == texts


WRITES = """from flask import Flask, request

import names

app = Flask(__name__)


@app.get("/")
def index():
    names.user = request.args["user"]
    return names.greeting()
"""
READS = """user = None


def greeting():
    return f"hello {user}"
"""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.flask-ctxfix]\n")
    (tmp_path / "app.py").write_text(WRITES)
    (tmp_path / "names.py").write_text(READS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found() -> list[dict[str, Any]]:
    output = CliRunner().invoke(main, ["--output-format=json"]).stdout
    findings: list[dict[str, Any]] = json.loads(output)
    return findings


def test_other_files_of_a_defect_are_its_labels(shared: Path) -> None:
    (finding,) = found()
    assert (finding["filename"], finding["location"]["row"]) == ("app.py", 10)
    (label,) = finding["labels"]
    assert (label["filename"], label["row"]) == ("names.py", 5)
    assert [(step["role"], step["filename"], step["row"]) for step in finding["path"]] == [
        ("entry", "app.py", 9),
        ("write", "app.py", 10),
        ("entry", "app.py", 9),
        ("call", "app.py", 11),
        ("read", "names.py", 5),
    ]
    assert apply() == 0
    assert "g.user" in (shared / "app.py").read_text()
    assert "g.user" in (shared / "names.py").read_text()


def test_a_silenced_defect_is_silent_in_all_files(shared: Path) -> None:
    silenced = WRITES.replace('["user"]\n', '["user"]  # noqa: CTX501\n')
    (shared / "app.py").write_text(silenced)
    assert found() == []
    assert apply() == 0
    assert (shared / "names.py").read_text() == READS


def test_one_file_of_a_defect_is_not_changed_alone(shared: Path) -> None:
    assert apply("app.py") == 1
    assert apply("names.py") == 0
    assert (shared / "app.py").read_text() == WRITES
    assert (shared / "names.py").read_text() == READS


def test_a_silenced_label_keeps_its_line_as_it_is(shared: Path) -> None:
    silenced = READS.replace('{user}"\n', '{user}"  # noqa: CTX501\n')
    (shared / "names.py").write_text(silenced)
    (finding,) = found()
    assert finding["fix"] is None
    assert finding["fix"] is None
    assert apply() == 1
    assert (shared / "app.py").read_text() == WRITES
    assert (shared / "names.py").read_text() == silenced
