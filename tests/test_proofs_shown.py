"""How the way that proves a finding is shown: in each report, and by ``--explain CODE PATHS``."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from inspect import getdoc
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flask_ctxfix import engine
from flask_ctxfix.cli import main
from flask_ctxfix.codemod import Finding, Rule, Step
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.project import Module, Project
from tests.conftest import family

Write = Callable[[dict[str, str | bytes]], None]


class Leading(Rule):
    """A way leads to what goes wrong.

    The calls in a file say which: each argument is a step.
    """

    code = "WAY101"
    name = "leading"
    message = "a way leads there"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                proof = tuple(Step(*ast.literal_eval(step)) for step in node.args)
                yield self.finding(module, "error", node.func, "lost", "mind it", proof=proof)


class Noting(Leading):
    """Something to know."""

    code = "WAY102"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        yield self.finding(module, "info", module.tree.body[0], "noted", "mind it")


@pytest.fixture(autouse=True)
def ways(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = family("ways", (Leading(), Noting()), frozenset({"way"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [pack])


TASKS = "import flask\n\ndef render():\r\n    return flask.request.args  # \x0cé\n"
VIEWS = 'import flask\nway(("render", "tasks.py", 3), ("request.args", "tasks.py", 4))\n'
EXPLAINED = f"WAY101 leading\n\n{getdoc(Leading)}\n"


def _run(*args: str, stdin: str | None = None, encoding: str = "utf-8") -> Result:
    return CliRunner(charset=encoding).invoke(main, args, input=stdin)


def test_text_has_it_in_a_line(tree: Write) -> None:
    tree({"tasks.py": TASKS, "views.py": VIEWS})
    assert _run().stdout == (
        "views.py:2:1: WAY101 lost\n"
        "  |\n"
        '2 | way(("render", "tasks.py", 3), ("request.args", "tasks.py", 4))\n'
        "  | ^^^\n"
        "  = help: mind it\n"
        "  = proof: render (tasks.py:3) → request.args (tasks.py:4)\n"
        "\n"
    )
    tree({"views.py": "import flask\nway()\n"})
    assert "proof" not in _run().stdout


def test_concise_leaves_it_out(tree: Write) -> None:
    tree({"views.py": VIEWS})
    assert _run("--output-format=concise").stdout == "views.py:2:1: WAY101 lost\n"


def test_json_has_it_as_an_array(tree: Write) -> None:
    tree({"views.py": VIEWS + "way()\n"})
    first, second = json.loads(_run("--output-format=json").stdout)
    assert first["proof"] == [
        {"text": "render", "filename": "tasks.py", "row": 3},
        {"text": "request.args", "filename": "tasks.py", "row": 4},
    ]
    assert second["proof"] == []


@pytest.mark.parametrize(
    ("encoding", "arrow"), [("ascii", "->"), ("latin-1", "->"), ("utf-8", "→")]
)
def test_the_arrow_is_one_that_stdout_can_show(tree: Write, encoding: str, arrow: str) -> None:
    tree({"views.py": VIEWS})
    shown = _run(encoding=encoding).stdout_bytes.decode()
    assert f"render (tasks.py:3) {arrow} request.args" in shown


def test_an_explanation_has_each_step_beside_its_line(tree: Write) -> None:
    tree({"tasks.py": TASKS, "views.py": VIEWS})
    shown = _run("--explain", "way101", ".")
    assert shown.stdout == (
        f"{EXPLAINED}\n"
        "views.py:2:1: WAY101 lost\n"
        "  |\n"
        '2 | way(("render", "tasks.py", 3), ("request.args", "tasks.py", 4))\n'
        "  | ^^^\n"
        "  = help: mind it\n"
        "  = proof:\n"
        "    tasks.py:3  render        def render():\n"
        "    tasks.py:4  request.args  return flask.request.args  # \x0cé\n"
        "\n"
    )
    assert shown.exit_code == 1
    assert shown.stderr.startswith("1 finding in 1 of 2 files")
    assert _run("--explain", "WAY101").stdout == EXPLAINED


def test_an_explanation_is_of_the_one_rule_whatever_the_settings_say(tree: Write) -> None:
    table = '[tool.flask-ctxfix]\nselect = ["WAY101"]\nignore = ["WAY102"]\n'
    tree({"pyproject.toml": table + 'output-format = "json"\n', "views.py": VIEWS})
    shown = _run("--explain", "WAY102", "views.py").stdout
    assert "views.py:1:1: WAY102 noted" in shown
    assert "WAY101" not in shown
    assert "proof" not in shown


@pytest.mark.parametrize("text", [b"\xff", b"import flask\n", None])
def test_steps_whose_line_cannot_be_read_stand_alone(tree: Write, text: bytes | None) -> None:
    tree({"views.py": 'import flask\nway(("render", "a/tasks.txt", 3))\n'})
    if text is not None:
        tree({"a/tasks.txt": text})
    shown = _run("--explain", "WAY101", ".")
    assert "  = proof:\n    a/tasks.txt:3  render\n" in shown.stdout
    assert (shown.exit_code, "error" in shown.stderr) == (1, False)


def test_steps_of_stdin_have_their_lines(tree: Write) -> None:
    text = 'import flask\nway(("render", "new.py", 3))\nx = 1\n'
    shown = _run("--explain", "WAY101", "-", "--stdin-filename=new.py", stdin=text).stdout
    assert "    new.py:3  render  x = 1\n" in shown


def test_paths_without_findings_add_nothing(tree: Write) -> None:
    tree({"views.py": "import flask\n"})
    shown = _run("--explain", "WAY101", "views.py")
    assert shown.stdout == EXPLAINED
    assert shown.exit_code == 0


def test_a_terminal_that_knows_ascii_only_stops_nothing(tree: Write) -> None:
    tree({"é.py": "from flask import _request_ctx_stack  # é\n"})
    command = [sys.executable, "-X", "utf8=0", "-m", "flask_ctxfix"]
    environment = {"PYTHONIOENCODING": "ascii", "PATH": ""}
    for args, status in (([], 1), (["--list-rules"], 0), (["--explain", "CTX401", "."], 1)):
        done = subprocess.run([*command, *args], env=environment, capture_output=True, check=False)
        assert (done.returncode, b"Error" in done.stderr) == (status, False), done.stderr
    assert Path("é.py").exists()
