"""Code that has nothing to do with removed context APIs has no finding and no edit."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from flask_ctxfix import engine
from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.outcome import Outcome
from flask_ctxfix.settings import Settings

TARGETS = ["3.1", "2.2-3.2"]
OTHERS = ["aiohttp", "celery", "django", "fastapi", "quart", "sqlalchemy", "werkzeug"]
# Where Flask keeps names that it is about to remove, and makes its own contexts.
HOME = {"app.py", "ctx.py", "globals.py", "__init__.py"}


def search(folder: Path, target: str, scratch: Path) -> Outcome:
    """Look for findings of every level below `folder`."""
    # Without a file that mentions Flask, no other would be looked at.
    mention = scratch / "mention.py"
    mention.write_text("import flask\n")
    settings = Settings(
        select=("CTX4",),
        gitignore=False,
        target_version=TargetVersion.parse(target),
        unsafe_fixes=True,
        paths=(str(folder), str(mention)),
    )
    outcome = engine.run(settings, "diff")
    assert outcome.files > 10
    assert not any(result.is_changed for result in outcome.results)
    return outcome


def places(outcome: Outcome, folder: Path) -> list[str]:
    return [
        f"{Path(result.before.path).relative_to(folder)}:{located.start[0]} {located.finding.code}"
        for result in outcome.results
        for located in result.findings
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_standard_library(target: str, tmp_path: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    outcome = search(library, target, tmp_path)
    assert places(outcome, library) == []


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the newest release of each package, and without what they require."""
    folder = tmp_path_factory.mktemp("newest")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", str(folder), *OTHERS, "flask"], check=True)
    return folder


@pytest.mark.network
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("package", OTHERS)
def test_other_packages(package: str, target: str, newest: Path, tmp_path: Path) -> None:
    outcome = search(newest / package, target, tmp_path)
    assert places(outcome, newest) == []
    assert outcome.errors == []


@pytest.mark.network
@pytest.mark.parametrize("target", TARGETS)
def test_flask_itself(target: str, newest: Path, tmp_path: Path) -> None:
    found = places(search(newest / "flask", target, tmp_path), newest / "flask")
    assert {place.partition(":")[0] for place in found} <= HOME
