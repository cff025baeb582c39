"""How the path of a finding is shown: in each report, and by ``--explain CODE PATHS``."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from inspect import getdoc
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner, Result

from flask_ctxfix import engine
from flask_ctxfix.cli import main
from flask_ctxfix.codemod import BY_HAND, Definition, Finding, Fix, Label, Role, Rule, Step, Untold
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.module import Module
from flask_ctxfix.project import Project
from flask_ctxfix.records import replace
from flask_ctxfix.source import Span
from tests.conftest import family

Write = Callable[[dict[str, str | bytes]], None]


class Leading(Rule):
    """A way leads to what goes wrong.

    The calls in a file say which: each argument is a step, and the name of its function.
    """

    code = "WAY101"
    name = "leading"
    message = "a way leads there"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                path = tuple(_step(*ast.literal_eval(step)) for step in node.args)
                found = self.finding(module, "error", node.func, "lost", "mind it", None, path)
                fix = Fix("mend it", unsafe_reason="it may be late")
                more = {"notes": ("so it is",), "labels": (Label("b.py", 3, 1, 3, 4, "also"),)}
                if node.func.id == "mend":
                    found = replace(found, fix=fix, no_fix_reason="none at all", **more)
                if node.func.id == "mend_long":
                    found = replace(found, fix=fix, help=Untold(fix.message))
                yield found


def _step(
    role: Role,
    kind: str,
    name: str | None,
    code: str,
    file: str,
    row: int,
    request: Literal["", "A", "B"] = "",
    verb: str = "",
) -> Step:
    function = Definition(name, file, 1, 0) if name is not None else None
    error = "it fails" if role == "read" and not verb else ""
    place = (file, row, 1, row, 1 + len(code))
    step = Step(role, kind, function, code, *place, context=None, request=request)
    return step._replace(verb=verb, error=error)


class Noting(Leading):
    """Something to know."""

    code = "WAY102"

    def find(self, module: Module, project: Project, target: TargetVersion) -> Iterator[Finding]:
        yield self.finding(module, "info", module.tree.body[0], "noted", "mind it")


@pytest.fixture(autouse=True)
def ways(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = family("ways", (Leading(), Noting()), frozenset({"way"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [pack])


ENTRY = '("entry", "view", "show", "show", "views.py", 9)'
CALL = '("call", "", "show", "render(\'a\', \\n  1)", "views.py", 10)'
START = '("boundary", "thread", "render", "Thread(target=work)", "tasks.py", 3)'
READ = '("read", "", "work", "request.args", "tasks.py", 4)'
WHOLE = f"import flask\nway({ENTRY}, {CALL}, {START}, {READ})\n"
TABLE = """\
  = path:
      views.py:10  view  show    calls          render('a', 1)
      tasks.py:3         render  STARTS THREAD  Thread(target=work)
      tasks.py:4         work    reads          request.args         it fails
"""
EXPLAINED = f"WAY101 leading\n\n{getdoc(Leading)}\n"


def _run(*args: str, stdin: str | None = None, encoding: str = "utf-8") -> Result:
    return CliRunner(charset=encoding).invoke(main, args, input=stdin)


def _below_code(output: str) -> str:
    return "".join(line for line in output.splitlines(True) if line.startswith("  = "))


def test_text_has_a_step_a_line(tree: Write) -> None:
    tree({"views.py": WHOLE})
    assert f"  | ^^^\n{TABLE}  = help: mind it\n\n" in _run().stdout


@pytest.mark.parametrize(
    "steps",
    [
        "",
        '("read", "", "show", "request.args", "views.py", 2)',
        '("entry", "view", "show", "show", "views.py", 1), '
        '("read", "", "show", "request.args", "views.py", 2, "", "reads")',
    ],
)
def test_a_path_that_the_line_shows_is_not_printed(tree: Write, steps: str) -> None:
    tree({"views.py": f"import flask\nway({steps})\n"})
    assert _below_code(_run().stdout) == "  = help: mind it\n"
    assert _run("--output-format=concise").stdout == "views.py:2:1: WAY101 error: lost\n"


def test_a_path_in_one_line_is_printed_if_it_ends_in_an_error(tree: Write) -> None:
    entry, read = ENTRY.replace("9)", "1)"), READ.replace("tasks.py", "views.py")
    start = START.replace("tasks.py", "views.py").replace("3)", "4)").replace("render", "show")
    tree({"views.py": f"import flask\n\n\nway({entry}, {start}, {read})\n"})
    assert "views.py:4        work  reads          request.args" in _run().stdout


def test_an_entry_alone_and_the_top_of_a_file_are_steps(tree: Write) -> None:
    entry = '("entry", "hook", "check", "check", "views.py", 9)'
    top = '("call", "", None, "run()", "views.py", 7)'
    tree({"views.py": f"import flask\nway({entry})\nway({top})\n"})
    shown = _run().stdout
    assert "      views.py:9  hook  check  is called\n" in shown
    assert "      views.py:7  <module>  calls  run()\n" in shown


def test_a_step_says_by_itself_what_it_does(tree: Write) -> None:
    steps = (
        '("call", "", "show", "from app import db", "views.py", 9)',
        '("read", "", "show", "from app import db", "views.py", 10, "", "runs")',
        '("boundary", "copy of the context", "show", "copied(work)", "views.py", 11, "", "makes")',
        '("boundary", "Huey task", "work", "huey.task", "views.py", 12, "", "runs as")',
    )
    tree({"views.py": f"import flask\nway({', '.join(steps)})\n"})
    assert (
        """\
      views.py:9   show  calls                      from app import db
      views.py:10  show  runs                       from app import db
      views.py:11  show  MAKES COPY OF THE CONTEXT  copied(work)
      views.py:12  work  RUNS AS HUEY TASK          huey.task
"""
        in _run().stdout
    )


def test_concise_has_it_in_the_line(tree: Write) -> None:
    tree({"views.py": WHOLE})
    assert _run("--output-format=concise").stdout == (
        "views.py:2:1: WAY101 error: lost "
        "[show → render (tasks.py:3) ⇒thread⇒ work reads request.args]\n"
    )
    tree({"views.py": f"import flask\nway({CALL}, {START})\n"})
    assert "[show → render (tasks.py:3) ⇒thread⇒]\n" in _run("--output-format=concise").stdout


OF_A = (
    '("entry", "view", "show", "show", "views.py", 9, "A")',
    '("write", "", "show", "user = name", "views.py", 12, "A")',
)
OF_B = (
    '("entry", "view", "total", "total", "views.py", 17, "B")',
    '("call", "", "total", "name()", "views.py", 20, "B")',
    '("read", "", "name", "user", "users.py", 3, "B")',
)
OF_BOTH = f"import flask\nway({', '.join((*OF_A, *OF_B))})\n"


def test_each_step_of_two_requests_is_told_with_the_one_that_takes_it(tree: Write) -> None:
    tree({"views.py": OF_BOTH})
    assert _below_code(_run().stdout).startswith("  = path:\n")
    assert (
        """\
      request A:  views.py:12  view  show   writes  user = name
      request B:  views.py:20  view  total  calls   name()
      request B:  users.py:3         name   reads   user         it fails
"""
        in _run().stdout
    )
    assert _run("--explain", "WAY101", ".").stdout.count("request B:") == 2
    assert _run("--output-format=concise").stdout == (
        "views.py:2:1: WAY101 error: lost [request A: show (views.py:12) writes user = name "
        "→ request B: total → name (users.py:3) reads user]\n"
    )
    (found,) = json.loads(_run("--output-format=json").stdout)
    messages = [step["message"] for step in found["path"]]
    assert messages == ["request A"] * 2 + ["request B"] * 2 + ["request B: it fails"]
    assert "request" not in found["path"][0]


def test_a_function_that_one_request_runs_is_shown_again_for_the_other(tree: Write) -> None:
    again = '("entry", "view", "show", "show", "views.py", 9, "B")'
    tree({"views.py": f"import flask\nway({OF_A[0]}, {again})\n"})
    assert (
        """\
      request A:  views.py:9  view  show  is called
      request B:  views.py:9  view  show  is called
"""
        in _run().stdout
    )
    assert "[request A: show (views.py:9) is called → request B:" in (
        _run("--output-format=concise").stdout
    )


def test_json_has_it_as_an_array(tree: Write) -> None:
    tree({"views.py": WHOLE + "way()\n"})
    first, second = json.loads(_run("--output-format=json").stdout)
    assert [step["role"] for step in first["path"]] == ["entry", "call", "boundary", "read"]
    assert first["path"][2] == {
        "role": "boundary",
        "kind": "thread",
        "function": "render",
        "code": "Thread(target=work)",
        "filename": "tasks.py",
        "row": 3,
        "column": 1,
        "end_row": 3,
        "end_column": 20,
        "context": None,
        "verb": "starts",
        "message": "",
        "error": None,
    }
    assert (first["path"][3]["error"], first["path"][3]["message"]) == ("it fails", "it fails")
    assert second["path"] == []


def test_what_else_is_said_stands_below(tree: Write) -> None:
    tree({"views.py": "import flask, way\nmend()\n"})
    assert _below_code(_run().stdout) == (
        "  = help: mind it\n"
        "  = note: so it is\n"
        "  = note: b.py:3: also\n"
        "  = unsafe: it may be late (--unsafe-fixes makes the fix)\n"
        "  = no fix: none at all\n"
    )
    (found,) = json.loads(_run("--output-format=json").stdout)
    assert (found["help"], found["notes"]) == ("mind it", ["so it is"])
    assert found["fix"]["unsafe_reason"] == "it may be late"
    assert found["no_fix_reason"] == "none at all"
    assert found["labels"] == [
        {
            "filename": "b.py",
            "row": 3,
            "column": 1,
            "end_row": 3,
            "end_column": 4,
            "text": "also",
        }
    ]


def test_a_fix_that_is_too_long_to_tell_is_shown_by_the_diff(tree: Write) -> None:
    tree({"views.py": "import flask, way\nmend_long()\n"})
    assert "  = help: mend it (see `--diff --unsafe-fixes`)\n" in _run().stdout
    assert "  = help: mend it (see `--diff`)\n" in _run("--unsafe-fixes").stdout
    (found,) = json.loads(_run("--output-format=json").stdout)
    assert found["help"] == "mend it"
    fixed = Finding(
        "A", "a", "error", "lost", "a.py", Span(0, 1), help=Untold("mend it"), fix=Fix("")
    )
    assert fixed.without_fix("none").help == BY_HAND


def test_long_code_is_cut(tree: Write) -> None:
    step = f'("read", "", "show", "{"x" * 90}", "tasks.py", 9)'
    tree({"views.py": f"import flask\nway({step})\n"})
    for encoding, cut in (("ascii", "x" * 57 + "..."), ("utf-8", "x" * 59 + "…")):
        assert f"show  reads  {cut}  it fails\n" in _run(encoding=encoding).stdout_bytes.decode()


@pytest.mark.parametrize(
    ("encoding", "arrow"), [("ascii", "->"), ("latin-1", "->"), ("utf-8", "→")]
)
def test_the_arrow_is_one_that_stdout_can_show(tree: Write, encoding: str, arrow: str) -> None:
    tree({"views.py": WHOLE})
    shown = _run("--output-format=concise", encoding=encoding).stdout_bytes.decode()
    assert f"[show {arrow} render" in shown


def test_an_explanation_has_the_findings_below(tree: Write) -> None:
    tree({"views.py": WHOLE})
    shown = _run("--explain", "way101", ".")
    assert shown.stdout.startswith(f"{EXPLAINED}\nviews.py:2:1: WAY101 error: lost\n")
    assert TABLE in shown.stdout
    assert shown.exit_code == 1
    assert shown.stderr.startswith("1 finding in 1 file")
    assert _run("--explain", "WAY101").stdout == EXPLAINED


def test_an_explanation_is_of_the_one_rule_whatever_the_settings_say(tree: Write) -> None:
    table = '[tool.flask-ctxfix]\nselect = ["WAY101"]\nignore = ["WAY102"]\n'
    tree({"pyproject.toml": table + 'output-format = "json"\n', "views.py": WHOLE})
    shown = _run("--explain", "WAY102", "views.py").stdout
    assert "views.py:1:1: WAY102 info: noted" in shown
    assert "WAY101" not in shown
    assert "path" not in shown


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
