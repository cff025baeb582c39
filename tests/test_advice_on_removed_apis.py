"""What is said where a removed API has no fix, and which code a finding points at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flask_ctxfix.cli import main

_PUSHED = """\
from flask import _request_ctx_stack


def set_up(app):
    _request_ctx_stack.push(app.test_request_context())


def tear_down():
    _request_ctx_stack.pop()


def with_context(app, work):
    _request_ctx_stack.push(app.test_request_context())
    work()
    _request_ctx_stack.pop()
"""
_ASKED = """\
try:
    from flask import _app_ctx_stack
except ImportError:
    _app_ctx_stack = None


def mark():
    if _app_ctx_stack is not None:
        _app_ctx_stack.top.marked = True
    ctx = _app_ctx_stack.top
    return ctx
"""
_APP = """\
from flask import _app_ctx_stack as stack


def key():
    if stack.top is None:
        return None
    return stack.top.app.config["KEY"]
"""
_COMPUTED = """\
from flask import _app_ctx_stack


def close(key):
    ctx = _app_ctx_stack.top
    if hasattr(ctx, key):
        getattr(ctx, key).close()
"""
_HOOKS = """\
from flask import Flask

application = Flask("shop")


class Extension:
    def init_app(self, app):
        app.before_first_request(self.warm_up)

    def warm_up(self):
        return None


def plug(app):
    @app.server.before_first_request
    def router():
        return None


@application.before_first_request
def served(name):
    return name
"""
_CLASS = """\
from flask.ctx import RequestContext


def same(ctx: RequestContext) -> RequestContext:
    return ctx
"""


def _found(folder: Path, code: str, target: str = "3.1") -> list[dict[str, Any]]:
    (folder / "a.py").write_text(code)
    options = ["--output-format", "json", "--quiet", "--exit-zero", "--target-version", target]
    return list(json.loads(CliRunner().invoke(main, [*options, str(folder)]).stdout))


def _helps(found: list[dict[str, Any]]) -> dict[int, str]:
    return {each["location"]["row"]: each["help"] for each in found}


def test_what_is_pushed_and_popped_by_two_functions_fits_no_with(tmp_path: Path) -> None:
    helps = _helps(_found(tmp_path, _PUSHED))
    assert "`pop()` where it ends" in helps[5]
    assert helps[9] == "keep the context that was pushed, and call its `pop()` here"
    assert helps[13].startswith("use `with ctx:`")
    assert helps[15].startswith("use `with ctx:`")


def test_a_question_is_to_be_taken_out_where_it_stands(tmp_path: Path) -> None:
    helps = _helps(_found(tmp_path, _ASKED))
    assert helps[8] == "remove the check that there is such a stack"
    assert helps[9] == "move every use of this attribute at once"
    assert helps[10] == "replace every use of this stack at once"


def test_a_finding_points_at_all_that_is_replaced(tmp_path: Path) -> None:
    _, _, last = _found(tmp_path, _APP)
    assert last["help"] == "replace `stack.top.app` with `current_app`"
    line = _APP.splitlines()[last["location"]["row"] - 1]
    span = slice(last["location"]["column"] - 1, last["end_location"]["column"] - 1)
    assert line[span] == "stack.top.app"


def test_no_other_error_is_told_of_where_a_test_for_the_attribute_comes_first(
    tmp_path: Path,
) -> None:
    _, used = _found(tmp_path, _COMPUTED)
    assert used["notes"] == []


def test_an_application_that_is_set_up_elsewhere_gets_a_hook_with_a_guard(tmp_path: Path) -> None:
    found = _found(tmp_path, _HOOKS)
    helps = _helps(found)
    once = "call `{}` once, with `{}.before_request` and a flag of your own"
    assert helps[8] == once.format("self.warm_up", "app")
    assert helps[15] == once.format("router", "app.server")
    assert "`with application.app_context():`" in helps[20]
    assert [each["fix"] for each in found] == [None] * 3
    assert "routes and settings" in found[0]["notes"][0]


@pytest.mark.parametrize(
    ("target", "notes"),
    [("3.2", ()), ("2.2-3.2", ("switch by version, since this works from Flask 3.2 on only",))],
)
def test_what_only_3_2_has_is_no_advice_for_a_range(
    target: str, notes: tuple[str, ...], tmp_path: Path
) -> None:
    found = _found(tmp_path, _CLASS, target)[0]
    assert found["help"] == "use `AppContext`, and ask a context for `has_request`"
    assert found["notes"] == [*notes]
