"""What test_fixes.py looks for is seen: fixes of toy rules break a program in each way.

They put a name in the place of another one, whatever it stands for: `new` for `old`, and where
unsafe fixes are made, `secure` for `risky`; `(stays)` for `stays` does not stand the proof.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.fixes.checks import Fixed, difference, faults, fixed
from tests.fixes.collected import Program

# What these names stand for does not matter, but that no rule renames where they come from.
PROGRAM = """\
from threading import Thread

from flask import Flask
from flask import __name__ as old
from flask import __doc__ as risky
from flask import __file__ as secure
from flask import __path__ as stays

app = Flask(__name__)


@app.get("/")
def index():
    VIEW


def others():
    return Thread, [each for each in (secure, globals())]
"""


@pytest.fixture(autouse=True)
def _toy_rules(toy: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def _run(view: str, folder: Path, is_unsafe: bool = False) -> Fixed:
    """Return what becomes of a program whose view does that."""
    program = Program("toy", None, {"app.py": PROGRAM.replace("VIEW", view)})
    run = fixed(program, folder, is_unsafe)
    assert run is not None
    return run


@pytest.mark.parametrize(
    ("view", "is_unsafe", "seen"),
    [
        ("return old", False, 'fails: GET / of 1: 200 before, 500 ["NameError: '),
        ("return old", False, "lint: F821 app.py: Undefined name `new`"),
        (
            "Thread(target=lambda: old).start(); return ''",
            False,
            'fails: GET / of 1: beside it [] before, ["NameError: ',
        ),
        ("return str(risky)", True, "values: GET / of 1: 'None' before, '/"),
        ("return ''\n\n\nprint(old)", False, "starts: app: NameError: "),
        ("return str(stays)", False, "announced: refused: app.py:14: TOY201 "),
    ],
)
def test_what_breaks_is_seen(view: str, is_unsafe: bool, seen: str, tmp_path: Path) -> None:
    found = [": ".join(each) for each in faults(_run(view, tmp_path, is_unsafe))]
    assert any(each.startswith(seen) for each in found), found


def test_no_fault_where_nothing_breaks(tmp_path: Path) -> None:
    run = _run("old = 1; return str(old)", tmp_path)
    assert "+    new = 1; return str(new)" in difference(run)
    assert faults(run) == []


def test_what_a_second_run_changes_is_seen(tmp_path: Path) -> None:
    run = _run("old = 1; return str(old)", tmp_path)
    changed = replace(run, files_again={**run.files, "app.py": b""})
    assert ("again", "app.py is changed by a second run") in faults(changed)


def test_what_is_not_said_to_be_left_is_seen(tmp_path: Path) -> None:
    run = _run("old = 1; return str(old)", tmp_path)
    assert {kind for kind, _ in faults(replace(run, again=run.listed))} >= {"unsaid"}


def test_what_a_search_of_the_result_finds_is_seen(tmp_path: Path) -> None:
    run = _run("old = 1; return str(old)", tmp_path)
    worse = replace(run, listed=run.again, again=run.listed)
    assert {kind for kind, _ in faults(worse)} >= {"found"}
