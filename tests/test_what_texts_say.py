"""What rules and summaries say is true, shown by programs on the installed Flask."""

from __future__ import annotations

import importlib
import json
import pickle
import shutil
import unittest
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Blueprint, Flask, Response, g, has_app_context, request, session
from flask.ctx import RequestContext
from flask.sessions import SecureCookieSession

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
    assert "`teardown_appcontext` functions do not run after these requests" in said


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
    assert "opens a second one with an empty `g`" in said
    assert "= note: teardown functions also run when the second context ends" in said
    assert "= note: from Flask 3.2 on, `request` and `session` raise RuntimeError" in said


@pytest.mark.parametrize("name", ["_app_ctx_stack", "_request_ctx_stack"])
def test_inner_modules_have_no_stacks_since_2_2(name: str, tmp_path: Path) -> None:
    assert name not in vars(importlib.import_module("flask.templating"))
    (tmp_path / "a.py").write_text(f"from flask.templating import {name}\n")
    said = _run(tmp_path, "--target-version", "2.2").output
    assert f"Flask 2.2 removed `{name}` from `flask.templating`, so this import fails" in said


def test_the_replacement_is_never_what_was_removed(tmp_path: Path) -> None:
    text = (
        "from flask import _request_ctx_stack\n\n\n"
        "def user(default):\n"
        "    ctx = _request_ctx_stack.top\n"
        "    return ctx.user if ctx else _request_ctx_stack.top and _request_ctx_stack.top.user\n"
    )
    (tmp_path / "a.py").write_text(text)
    helps = [line for line in _run(tmp_path).output.splitlines() if "= help: replace" in line]
    assert helps
    assert not [line for line in helps if "_stack" in line.partition(" with ")[2]]


def test_nothing_that_was_searched_is_no_success(tmp_path: Path) -> None:
    assert "Nothing was searched: no Python file was found." in _run(tmp_path).output
    done = _run(tmp_path / "missing.py")
    assert done.exit_code == 2
    assert "No findings" not in done.output


def test_a_flask_that_is_too_old_is_warned_of_even_if_quiet(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask<2\n")
    (tmp_path / "a.py").write_text("from flask import _request_ctx_stack\n")
    assert (
        "warning: requirements.txt: flask<2 allows none of Flask 2.2 to 3.2, so fixes are for 3.1"
        in _run(tmp_path, "--quiet").output
    )


def _served(name: str) -> Callable[[], Response]:
    def view() -> Response:
        return Response(name)

    return view


def test_what_runs_with_a_blueprint_does_not_see_the_routes_that_come_later(tmp_path: Path) -> None:
    seen: list[str] = []
    early = Blueprint("early", __name__)
    early.record_once(lambda state: seen.extend(state.app.view_functions))
    app = Flask("shop")
    app.add_url_rule("/", "first", _served("first"))
    app.register_blueprint(early)
    app.add_url_rule("/late", "late", _served("late"))
    assert ("first" in seen, "late" in seen) == (True, False)
    (tmp_path / "pages.py").write_text(
        "from flask import Blueprint, current_app\n\nbp = Blueprint('pages', __name__)\n\n\n"
        "@bp.before_app_first_request\n"
        "def list_pages():\n    print(current_app.view_functions)\n"
    )
    said = _run(tmp_path, "--unsafe-fixes", "--target-version", "3.1").output
    assert "= help: call the function after all blueprints are registered" in said
    assert "= no fix: `list_pages` uses `view_functions`, which lacks routes" in said


def test_a_context_can_be_opened_with_a_session(tmp_path: Path) -> None:
    app = Flask("shop")
    saved = SecureCookieSession({"user": "ann"})
    environ = app.test_request_context("/").request.environ
    with RequestContext(app, environ, session=saved):
        assert session["user"] == "ann"
        session["seen"] = True
    assert saved["seen"]
    (tmp_path / "sockets.py").write_text(
        "from flask import _request_ctx_stack\n\n\n"
        "def handle(app, environ, saved, handler):\n    with app.request_context(environ):\n"
        "        _request_ctx_stack.top.session = saved\n        return handler()\n"
    )
    said = _run(tmp_path, "--target-version", "3.1").output
    assert "= help: pass the session, as in `RequestContext(app, environ, session=saved)`" in said
    assert "the session has to be a `SessionMixin`" in said
    assert "through a session interface" in _run(tmp_path, "--target-version", "3.1-3.2").output


def test_an_app_context_of_another_thread_has_an_empty_g(tmp_path: Path) -> None:
    app = Flask("shop")
    with app.app_context():
        g.tenant = "ann"
        with ThreadPoolExecutor() as pool:
            assert pool.submit(_kept_in, app).result() is None
    (tmp_path / "pool.py").write_text(
        "from flask import _app_ctx_stack\n\n\n"
        "def carried(function):\n    context = _app_ctx_stack.top\n\n"
        "    def run():\n        with context:\n            return function()\n\n    return run\n"
    )
    said = _run(tmp_path, "--target-version", "3.1").output
    assert "= note: `g` starts empty in each of these contexts" in said


def _kept_in(app: Flask) -> object:
    with app.app_context():
        return g.get("tenant")


def test_the_diff_is_named_only_where_it_has_something(tmp_path: Path) -> None:
    (tmp_path / "ask.py").write_text(
        "from flask import _app_ctx_stack\n\n\n"
        "def read():\n"
        "    return getattr(_app_ctx_stack.top, 'asked', a_default_that_is_long(1, 2, 3, 4, 5))\n"
        "\n\ndef write(value):\n"
        "    try:\n        _app_ctx_stack.top.asked = value\n"
        "    except AttributeError as error:\n        return type(error)\n"
    )
    found = _run(tmp_path, "--target-version", "3.1").output
    assert "[*]" not in found
    assert "--diff" not in found
    assert "replace it" not in found


class _OfUnittest(unittest.TestCase):
    app = Flask("shop")

    @classmethod
    def setUpClass(cls) -> None:
        context = cls.app.app_context()
        context.push()
        cls.addClassCleanup(context.pop)

    def setUp(self) -> None:
        context = self.app.test_request_context()
        context.push()
        self.addCleanup(context.pop)

    def runTest(self) -> None:  # noqa: N802
        self.assertTrue(request)


@pytest.mark.parametrize(
    ("set_up", "cleanup"),
    [
        ("def setUp(self)", "self.addCleanup"),
        ("async def asyncSetUp(self)", "self.addCleanup"),
        ("@classmethod\n    def setUpClass(self)", "cls.addClassCleanup"),
        ("def setup_method(self)", "use a fixture"),
    ],
)
def test_each_set_up_has_its_own_way_to_pop(set_up: str, cleanup: str, tmp_path: Path) -> None:
    result = unittest.TestResult()
    unittest.TestSuite([_OfUnittest()]).run(result)
    assert (result.testsRun, result.wasSuccessful()) == (1, True)
    assert not has_app_context()
    (tmp_path / "test_shop.py").write_text(
        "from unittest import TestCase\n\nfrom shop import app\n\n\n"
        f"class TestShop(TestCase):\n    {set_up}:\n        app.app_context().push()\n"
    )
    (tmp_path / "shop.py").write_text("from flask import Flask\n\napp = Flask('shop')\n")
    assert cleanup in _run(tmp_path, "--select", "CTX302").output


def test_no_proxy_can_be_written_for_a_worker(tmp_path: Path) -> None:
    with Flask("shop").test_request_context():
        for write in (pickle.dumps, json.dumps):
            with pytest.raises((TypeError, pickle.PicklingError)):
                write(request)
    (tmp_path / "jobs.py").write_text(
        "from celery import shared_task\nfrom flask import Flask, request\n\n"
        "app = Flask(__name__)\n\n\n@shared_task\ndef audit(who):\n    print(who)\n\n\n"
        "@app.post('/')\ndef start():\n    audit.delay(request)\n    return ''\n"
    )
    said = _run(tmp_path, "--select", "CTX203").output
    assert "`request` cannot be serialized for a Celery task, so this call raises an error" in said


def test_another_error_is_told_of_where_there_is_one(tmp_path: Path) -> None:
    said = "without a context the replacement raises RuntimeError"
    case = Path(__file__).with_name("fixtures") / "CTX402/attributes-that-a-test-proves"
    proven = tmp_path / "proven"
    shutil.copytree(case / "before", proven)
    assert said not in _run(proven).output
    unproven = "from flask import _app_ctx_stack\n\n\nname = lambda: _app_ctx_stack.top.app.name\n"
    (tmp_path / "a.py").write_text(unproven)
    assert said in _run(tmp_path).output


def test_a_name_that_the_project_passes_on_is_no_attribute_of_flask(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from flask import signals_available\n")
    text = "import flask\nimport shop\n\nif shop.signals_available:\n    flask.signals_available\n"
    (tmp_path / "mail.py").write_text(text)
    said = _run(tmp_path, "--target-version", "3.1", "--output-format", "concise").output
    assert "mail.py:4:4: CTX406 [*] error: `signals_available` was removed in Flask 3.0" in said
    assert "error: `flask.signals_available` raises AttributeError from Flask 3.0 on" in said


def test_a_message_outlives_the_fix_of_what_it_is_about(tmp_path: Path) -> None:
    text = (
        "from flask import _app_ctx_stack\n\n\ndef wait(ready):\n"
        "    ctx = _app_ctx_stack.top\n    ctx.app.before_first_request(ready)\n"
    )
    (tmp_path / "a.py").write_text(text)
    said = _run(tmp_path, "--target-version", "3.1", "--diff").output
    assert "+    current_app.before_first_request(ready)" in said


def test_a_context_that_the_project_passes_on_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "compat.py").write_text("from flask.globals import request_ctx as current\n")
    text = "from compat import current\nfrom flask.globals import request_ctx\n\nprint(current)\n"
    (tmp_path / "a.py").write_text(text)
    said = _run(tmp_path, "--target-version", "3.2").output
    assert "a.py:1:20: CTX407 warning: importing `current` warns on Flask 3.2" in said
