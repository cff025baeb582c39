"""Contexts that are pushed and left, as users meet them: a wrong user, an empty pool."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from contextvars import Context
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from flask import Flask, url_for

from flask_ctxfix import engine
from flask_ctxfix.cli import main
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.outcome import Outcome
from flask_ctxfix.settings import Settings
from tests.test_servers import served

FLASK = tuple(int(part) for part in version("flask").split(".")[:2])
JOBS = """
    import sys
    from concurrent.futures import ThreadPoolExecutor

    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy import text
    from sqlalchemy.pool import QueuePool

    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///jobs.db"
    options = {"poolclass": QueuePool, "pool_size": 3, "max_overflow": 0, "pool_timeout": 0.1}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db = SQLAlchemy(app)
    pool = ThreadPoolExecutor(1)


    def export():
        app.app_context().push()
        db.session.execute(text("select 1"))


    def run(count):
        for number in range(count):
            pool.submit(export).result()
            print(number + 1, flush=True)


    if __name__ == "__main__":
        run(int(sys.argv[1]))
"""
SHOP = """
    from flask import Flask, current_app, g, request

    app = Flask(__name__)
    ended = []
    app.teardown_appcontext(lambda error: ended.append(error))
    # so that the limits can be set
    app.app_context().push()
    current_app.config["LIMIT"] = 3


    @app.before_request
    def sign_in():
        if "user" not in g:
            g.user = request.args["user"]


    @app.get("/")
    def index():
        return f"{g.user} {len(ended)}"
"""


def refactored(folder: Path, file: str, code: str) -> Outcome:
    """Write a file and what the fixes make of it: `file` in `before`, and in `after`."""
    for name in ("before", "after"):
        path = folder / name / file
        path.parent.mkdir()
        path.write_text(textwrap.dedent(code).lstrip("\n"))
    settings = Settings(
        paths=(str(folder / "before"),),
        select=("CTX3",),
        target_version=TargetVersion.parse("3.1"),
        unsafe_fixes=True,
    )
    outcome = engine.run(settings, "diff")
    assert outcome.errors == []
    (result,) = outcome.results
    (folder / "after" / file).write_bytes(result.after.data)
    return outcome


@pytest.mark.skipif(find_spec("flask_sqlalchemy") is None, reason="needs Flask-SQLAlchemy")
def test_jobs_use_up_the_connections_of_a_pool(tmp_path: Path) -> None:
    outcome = refactored(tmp_path, "jobs.py", JOBS)
    (located,) = outcome.results[0].findings
    assert located.finding.fix is not None
    assert located.finding.fix.applicability == "safe"
    before, after = (
        subprocess.run(
            [sys.executable, "-B", "jobs.py", "100"],
            cwd=tmp_path / name,
            capture_output=True,
            text=True,
        )
        for name in ("before", "after")
    )
    assert before.stdout.split() == ["1", "2", "3"]
    assert "QueuePool limit of size 3" in before.stderr
    assert after.stderr == ""
    assert after.stdout.split()[-1] == "100"


@pytest.mark.skipif(find_spec("gunicorn") is None, reason="needs gunicorn")
@pytest.mark.skipif(FLASK >= (3, 2), reason="requests have a `g` of their own from Flask 3.2 on")
def test_a_sync_worker_takes_one_user_for_another(tmp_path: Path) -> None:
    refactored(tmp_path, "app.py", SHOP)
    found = {}
    for name in ("before", "after"):
        with served(tmp_path / name, ["--worker-class=sync"]) as address:
            found[name] = [
                urlopen(f"{address}/?user={user}", timeout=10).read().decode()
                for user in ("alice", "bob", "carol")
            ]
    assert found["before"] == ["alice 0", "alice 0", "alice 0"]
    assert found["after"] == ["alice 1", "bob 2", "carol 3"]


def test_the_fixture_of_a_test_suite(tmp_path: Path) -> None:
    """The cases of fixtures cannot be run in a fork: pytest has to start anew."""
    case = Path(__file__).parent / "fixtures" / "CTX302" / "pytest-fixtures"
    printed = {}
    for name in ("before", "after"):
        folder = shutil.copytree(case / name, tmp_path / name)
        command = [sys.executable, "-Bm", "pytest", "-qs", "-p", "no:cacheprovider", "--rootdir=."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert "4 passed" in done.stdout
        printed[name] = "left True" in done.stdout
    assert printed == {"before": True, "after": False}


@pytest.mark.parametrize(
    ("target", "level", "told"),
    [
        ("3.1", "error", "another user's `g`"),
        ("2.2-3.2", "warning", "another user's `g`"),
        ("3.2", "warning", "teardown functions never run"),
    ],
)
def test_the_level_falls_with_flask_3_2(tmp_path: Path, target: str, level: str, told: str) -> None:
    (tmp_path / "app.py").write_text(textwrap.dedent(SHOP))
    settings = Settings(
        paths=(str(tmp_path),), select=("CTX301",), target_version=TargetVersion.parse(target)
    )
    (located,) = engine.run(settings, "list").results[0].findings
    assert located.finding.level == level
    assert told in located.finding.message


def test_scripts_are_information(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\n\n\ndef create_app():\n    return Flask('x')\n"
    )
    script = "from shop import create_app\n\napp = create_app()\napp.app_context().push()\n"
    (tmp_path / "manage.py").write_text(script)
    settings = Settings(paths=(str(tmp_path),), target_version=TargetVersion.parse("3.1"))
    assert [r for r in engine.run(settings, "list").results if r.findings] == []


def _said(folder: Path) -> str:
    return CliRunner().invoke(main, ["--select", "CTX302", str(folder)]).output


def test_a_context_that_a_view_leaves_pushed_makes_its_request_fail(tmp_path: Path) -> None:
    app = Flask("shop")

    @app.get("/")
    def index() -> str:
        app.app_context().push()
        return "done"

    app.testing = True
    with pytest.raises((AssertionError, RuntimeError), match=r"(?i)pop"):
        Context().run(app.test_client().get, "/")
    (tmp_path / "shop.py").write_text(
        "from flask import Flask\n\napp = Flask(__name__)\n\n\n"
        "@app.get('/')\ndef index():\n    app.app_context().push()\n    return 'done'\n"
    )
    said = _said(tmp_path)
    assert "`index` never pops its app context, so the request fails after the view returns" in said


def test_a_link_from_a_faked_request_leads_to_localhost() -> None:
    app = Flask("shop")
    app.add_url_rule("/", "index", lambda: "")
    with app.test_request_context():
        assert url_for("index", _external=True) == "http://localhost/"
    app.config["SERVER_NAME"] = "shop.example"
    with app.app_context():
        assert url_for("index", _external=True) == "http://shop.example/"


@pytest.mark.parametrize(("name", "named"), [("work", "`work`"), ("work_" * 20, "this function")])
def test_a_function_with_a_long_name_is_pointed_at(name: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        f"from flask import Flask\n\napp = Flask(__name__)\n\n\ndef {name}():\n"
        "    ctx = app.app_context()\n    ctx.push()\n    print(app.name)\n    ctx.pop()\n"
    )
    said = _said(tmp_path)
    assert f"warning: {named} may leave its app context open" in said
