"""What rules and summaries say is true, shown by programs on the installed Flask."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask, g

from flask_ctxfix.cli import main


def _app() -> tuple[Flask, list[str]]:
    app, torn = Flask("shop"), []

    @app.teardown_appcontext
    def of_app(error: BaseException | None) -> None:
        torn.append("appcontext")

    @app.teardown_request
    def of_request(error: BaseException | None) -> None:
        torn.append("request")

    return app, torn


def _run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, [*options, str(folder)])


def test_only_functions_of_the_app_context_never_run_below_a_pushed_one(tmp_path: Path) -> None:
    app, torn = _app()
    app.add_url_rule("/", view_func=lambda: "ready")
    with app.app_context():
        app.test_client().get("/")
        assert torn == ["request"]
    pushed = "from flask import Flask\napp = Flask('shop')\napp.app_context().push()\n"
    (tmp_path / "wsgi.py").write_text(pushed)
    said = _run(tmp_path, "--select", "CTX301", "--target-version", "3.1").output
    assert "`teardown_appcontext` functions never run" in said


def test_a_second_context_has_an_empty_g_and_tears_down_once_more(tmp_path: Path) -> None:
    app, torn = _app()

    @app.get("/")
    def index() -> str:
        g.user = "ann"
        with app.app_context():
            return str(g.get("user", "nobody"))

    assert app.test_client().get("/").text == "nobody"
    assert torn.count("appcontext") == 2
    view = (
        "from flask import Flask, g\napp = Flask('shop')\n\n\n"
        "@app.get('/')\ndef index():\n    with app.app_context():\n        return g.get('user')\n"
    )
    (tmp_path / "wsgi.py").write_text(view)
    said = _run(tmp_path, "--select", "CTX303", "--target-version", "3.1").output
    assert "in its block `g` is empty, and teardown functions run once more" in said
    assert "= note: from Flask 3.2 on, `request` and `session` raise RuntimeError" in said


@pytest.mark.parametrize("name", ["_app_ctx_stack", "_request_ctx_stack"])
def test_inner_modules_have_no_stacks_since_2_2(name: str, tmp_path: Path) -> None:
    assert name not in vars(importlib.import_module("flask.templating"))
    (tmp_path / "a.py").write_text(f"from flask.templating import {name}\n")
    said = _run(tmp_path, "--target-version", "2.2").output
    assert f"`{name}` of an inner module was removed in Flask 2.2" in said


def test_the_replacement_is_never_what_was_removed(tmp_path: Path) -> None:
    text = (
        "from flask import _request_ctx_stack\n\n\n"
        "def user(default):\n"
        "    ctx = _request_ctx_stack.top\n"
        "    return ctx.user if ctx else _request_ctx_stack.top and _request_ctx_stack.top.user\n"
    )
    (tmp_path / "a.py").write_text(text)
    helps = [line for line in _run(tmp_path).output.splitlines() if "= help: use" in line]
    assert not [line for line in helps if "_stack" in line]


def test_nothing_that_was_searched_is_no_success(tmp_path: Path) -> None:
    assert "Nothing was searched: no Python file was found." in _run(tmp_path).output
    done = _run(tmp_path / "missing.py")
    assert done.exit_code == 2
    assert "No findings" not in done.output


def test_a_flask_that_is_too_old_is_warned_of_even_if_quiet(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask<2\n")
    (tmp_path / "a.py").write_text("from flask import _request_ctx_stack\n")
    assert (
        "warning: flask<2 in requirements.txt allows nothing from 2.2"
        in _run(tmp_path, "--quiet").output
    )


def test_another_error_is_told_of_where_there_is_one(tmp_path: Path) -> None:
    said = "without a context the error is now a RuntimeError"
    case = Path(__file__).with_name("fixtures") / "CTX402/attributes-that-a-test-proves"
    proven = tmp_path / "proven"
    shutil.copytree(case / "before", proven)
    assert said not in _run(proven).output
    unproven = "from flask import _app_ctx_stack\n\n\nname = lambda: _app_ctx_stack.top.app.name\n"
    (tmp_path / "a.py").write_text(unproven)
    assert said in _run(tmp_path).output
