"""Each error on the page of symptoms is what Python prints, word for word, and each rule exists."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from flask_ctxfix import engine
from flask_ctxfix.codemod import by_code

PAGE = (Path(__file__).parent.parent / "docs" / "symptoms.md").read_text(encoding="utf-8")
APP = "import contextvars\nfrom flask import Flask, current_app, request\napp = Flask('shop')\n"
PROGRAMS = {
    "RuntimeError: Working outside of request context.": "request.path",
    "RuntimeError: Working outside of application context.": "current_app.name",
    "ImportError: cannot import name '_request_ctx_stack' from 'flask'": (
        "from flask import _request_ctx_stack"
    ),
    "ImportError: cannot import name '_app_ctx_stack' from 'flask'": (
        "from flask import _app_ctx_stack"
    ),
    "ImportError: cannot import name '_lookup_app_object' from 'flask.globals'": (
        "from flask.globals import _lookup_app_object"
    ),
    "ImportError: cannot import name 'signals_available' from 'flask'": (
        "from flask import signals_available"
    ),
    "AttributeError: 'Flask' object has no attribute 'before_first_request'": (
        "app.before_first_request(print)"
    ),
    "was created in a different Context": (
        "context = app.app_context()\ncontext.push()\ncontextvars.copy_context().run(context.pop)"
    ),
    "AssertionError: Popped wrong request context.": (
        "first, second = app.test_request_context(), app.test_request_context()\n"
        "first.push(), second.push(), first.pop()"
    ),
    "AssertionError: Popped wrong app context.": (
        "first, second = app.app_context(), app.app_context()\n"
        "first.push(), second.push(), first.pop()"
    ),
    "AssertionError: The setup method 'after_request' can no longer be called": (
        "app.testing = True\napp.get('/')(lambda: app.after_request(print))\n"
        "app.test_client().get('/')"
    ),
}


def test_each_error_on_the_page_has_a_program() -> None:
    table = PAGE.split("## It fails")[1].split("## Nothing fails")[0]
    shown = re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)
    assert shown == list(PROGRAMS)


@pytest.mark.skipif(version("flask") < "3", reason="the errors are those of Flask 3")
@pytest.mark.parametrize("error", PROGRAMS)
def test_errors_are_what_is_printed(error: str) -> None:
    program = [sys.executable, "-c", APP + PROGRAMS[error]]
    done = subprocess.run(program, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert error in done.stderr


def test_rules_exist() -> None:
    named = set(re.findall(r"CTX\d{3}", PAGE))
    assert named <= by_code(engine.load_codemods()).keys()
    assert all(f"[{code}](rules.md#{code.lower()})" in PAGE for code in named)
