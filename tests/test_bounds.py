"""What bounds the width of a question is counted, and said with --verbose."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flask_ctxfix.cli import main

WRAPS_ITSELF = """\
from functools import partial

from flask import request


def work(read):
    work(partial(read, 1))
    read()


def view():
    work(lambda: request.path)
"""


@pytest.mark.parametrize("options", [[], ["--verbose"]])
def test_a_function_that_hands_itself_ever_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    start = "import threading\n\nthreading.Thread(target=view).start()\n"
    Path("app.py").write_text(WRAPS_ITSELF + start)
    result = CliRunner().invoke(main, ["app.py", *options])
    assert "request.path" in result.stdout
    notes = [line for line in result.stderr.splitlines() if line.startswith("note: not followed")]
    assert len(notes) == len(options)
    assert all("arguments with values nested more than 8 deep" in note for note in notes)
    known = "note: 2 of 2 functions run in a known context" in result.stderr
    assert known == bool(options)
