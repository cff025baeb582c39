import json
import os
import subprocess
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_ctxfix import engine, reports
from flask_ctxfix.outcome import Mode
from flask_ctxfix.records import replace
from flask_ctxfix.reports import summary
from flask_ctxfix.reports.diff import hunks
from flask_ctxfix.settings import Settings

Write = Callable[[dict[str, str | bytes]], None]
pytestmark = pytest.mark.usefixtures("toy")


def _report(mode: Mode = "list", *, colour: bool = False, **settings: object) -> str:
    given = replace(Settings(), **settings)  # type: ignore[arg-type]
    outcome = engine.run(given, mode)
    assert outcome.errors == []
    return reports.render(outcome, given, colour=colour).decode("utf-8", "surrogateescape")


def _summary(mode: Mode = "list", **settings: object) -> str:
    given = replace(Settings(), **settings)  # type: ignore[arg-type]
    return summary.render(engine.run(given, mode), given)


def test_text(tree: Write) -> None:
    tree({"a.py": "import flask\nif flask:\n\tx = [old,\n\trisky.\\\n\ty]\n"})
    assert _report() == (
        "a.py:3:7: TOY101 [*] error: `old` is old\n"
        "  |\n"
        "3 | \tx = [old,\n"
        "  | \t     ^^^\n"
        "  = help: mind the `old`\n"
        "\n"
        "a.py:4:2: TOY102 warning: `risky` is old\n"
        "  |\n"
        "4 | \trisky.\\\n"
        "  | \t^^^^^\n"
        "  = help: mind the `risky`\n"
        "  = unsafe: it is new (--unsafe-fixes makes the fix)\n"
        "\n"
    )


def test_concise(tree: Write) -> None:
    tree({"a.py": "import flask\n[old, risky]\n"})
    assert _report(output_format="concise", unsafe_fixes=True) == (
        "a.py:2:2: TOY101 [*] error: `old` is old\na.py:2:7: TOY102 [*] warning: `risky` is old\n"
    )


def test_colour_changes_nothing_but_colour(tree: Write) -> None:
    from click import unstyle

    tree({"a.py": "import flask\n[old, risky]\n"})
    modes: tuple[Mode, ...] = ("list", "diff")
    for mode in modes:
        coloured = _report(mode, colour=True)
        assert "\x1b[" in coloured
        assert unstyle(coloured) == _report(mode)


def test_file_names_that_are_no_text(tree: Write) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    tree({name: "import flask\nold\n"})
    assert _report(output_format="concise").startswith(f"{name}:2:1:")
    assert json.loads(_report(output_format="json"))[0]["filename"] == name
    assert 'diff --git "a/caf\\351.py" "b/caf\\351.py"\n' in _report("diff")


def test_json(tree: Write) -> None:
    tree({"a.py": "import flask\r\nx = 1\r\n[old, note,\r\n risky]"})
    findings = json.loads(_report(output_format="json", select=("TOY",)))
    assert findings[0] == {
        "code": "TOY101",
        "name": "old-old",
        "level": "error",
        "message": "`old` is old",
        "filename": "a.py",
        "location": {"row": 3, "column": 2},
        "end_location": {"row": 3, "column": 5},
        "path": [],
        "help": "mind the `old`",
        "notes": [],
        "labels": [],
        "fix": {
            "applicability": "safe",
            "message": "use new",
            "unsafe_reason": None,
            "edits": [
                {
                    "filename": "a.py",
                    "content": "[new, note,\r\n",
                    "location": {"row": 3, "column": 1},
                    "end_location": {"row": 4, "column": 1},
                }
            ],
        },
        "no_fix_reason": None,
        "url": None,
    }
    assert [(f["code"], f["level"]) for f in findings] == [
        ("TOY101", "error"),
        ("TOY103", "info"),
        ("TOY102", "warning"),
    ]
    assert findings[1]["fix"] is None
    assert findings[2]["fix"]["edits"][0]["content"] == " secure]"


def test_json_of_nothing_and_of_fixes_that_cannot_be_applied(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flask_ctxfix.codemod import RewriteError
    from flask_ctxfix.reports import json as report

    def refuse(module: object, fixes: object, project: object) -> str:
        raise RewriteError("no")

    assert json.loads(_report(output_format="json")) == []
    monkeypatch.setattr(report, "rewrite", refuse)
    tree({"a.py": "import flask\nold\n"})
    assert json.loads(_report(output_format="json"))[0]["fix"]["edits"] == []


def test_after_apply_the_report_holds_what_is_left(tree: Write) -> None:
    tree({"a.py": "import flask\n[old, manual]\n"})
    assert _report("apply", output_format="concise") == "a.py:2:7: TOY104 error: `manual` is old\n"


def test_diff(tree: Write) -> None:
    tree(
        {
            "a b.py": "import flask\r\nold\r\n",
            'q"\t\\.py': "import flask\nold",
            "é.py": b"# coding: latin-1\n'\xe9\x0c\x85'\nold\nimport flask\n",
            "none.py": "import flask\nmanual\n",
        }
    )
    assert _report("diff").encode("utf-8", "surrogateescape") == (
        b"diff --git a/a b.py b/a b.py\n"
        b"--- a/a b.py\t\n"
        b"+++ b/a b.py\t\n"
        b"@@ -1,2 +1,2 @@\n"
        b" import flask\r\n"
        b"-old\r\n"
        b"+new\r\n"
        b'diff --git "a/q\\"\\t\\\\.py" "b/q\\"\\t\\\\.py"\n'
        b'--- "a/q\\"\\t\\\\.py"\n'
        b'+++ "b/q\\"\\t\\\\.py"\n'
        b"@@ -1,2 +1,2 @@\n"
        b" import flask\n"
        b"-old\n"
        b"\\ No newline at end of file\n"
        b"+new\n"
        b"\\ No newline at end of file\n"
        b'diff --git "a/\\303\\251.py" "b/\\303\\251.py"\n'
        b'--- "a/\\303\\251.py"\n'
        b'+++ "b/\\303\\251.py"\n'
        b"@@ -1,4 +1,4 @@\n"
        b" # coding: latin-1\n"
        b" '\xe9\x0c\x85'\n"
        b"-old\n"
        b"+new\n"
        b" import flask\n"
    )


_LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "e\n"]), max_size=30)


@given(_LINES, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), _LINES), max_size=5))
@pytest.mark.parametrize("around", [[], [f"{n % 97}\n" for n in range(200)]])
def test_hunks_are_those_of_difflib(
    around: list[str], before: list[str], changes: list[tuple[int, int, list[str]]]
) -> None:
    """Also in texts so long that `difflib` leaves out lines that are all over them."""
    before = [*before, *around, *before]
    after = [*before]
    for start, end, lines in changes:
        after[start:end] = lines
    assert [*hunks(before, after)] == [*unified_diff(before, after)][2:]


def test_git_applies_a_diff_from_a_folder_of_the_repository(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder holds one of its own name, which a patch without the whole path would hit."""
    text = "import flask\nold\n"
    tree({"sub/a.py": text, "sub/sub/a.py": text, "a.py": text})
    subprocess.run(["git", "init", "-q"], check=True)
    monkeypatch.chdir("sub")
    diff = _report("diff", paths=(str(Path("sub").absolute()),))
    assert "+++ b/sub/sub/a.py\n" in diff
    subprocess.run(["git", "apply"], input=diff.encode(), check=True)
    assert Path("sub/a.py").read_text() == "import flask\nnew\n"
    assert Path("a.py").read_text() == text


def test_summary(tree: Write) -> None:
    tree({"a.py": "import flask\n"})
    assert _summary() == "No findings in 1 file."
    tree({"a.py": "import flask\n[old, old, risky, manual]\n", "b.py": "import a\ncrash\n"})
    target = "Target: Flask 3.1 (the newest release, since the project does not name Flask)."
    assert _summary() == (
        "1 error: see above.\n"
        f"4 findings in 1 of 2 files, 2 fixable with --apply, 1 more with --unsafe-fixes.\n{target}"
    )
    Path("b.py").unlink()
    assert _summary("diff") == (
        "2 findings would be fixed in 1 file, 2 left, 1 more with --unsafe-fixes.\n" + target
    )
    assert _summary("apply", unsafe_fixes=True) == (
        f"3 findings fixed in 1 file, 1 left.\nTo take it back: flask-ctxfix --undo\n{target}"
    )
    assert _summary("apply") == f"0 findings fixed in 0 files, 1 left.\n{target}"
