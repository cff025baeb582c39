"""Old releases of real packages do not run on Flask 3.1; rewritten, they pass their own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin"
FLASK = ("flask==3.1.*", "werkzeug==3.1.*", "pytest<8")


@dataclass(frozen=True)
class Proof:
    """One release, and what a rewrite by hand makes of its tests.

    `passed` is how many pass; those of `failed` do not, for reasons other than contexts: they fail
    on Flask 2.3 as well, where the release still has its stacks.
    """

    name: str
    version: str
    passed: int
    requires: tuple[str, ...] = ()
    failed: frozenset[str] = frozenset()
    tests: tuple[str, ...] = ("tests",)
    source: str = "."
    is_installed: bool = False


PROOFS = [
    Proof(
        "Flask-Login",
        "0.6.1",
        112,
        ("blinker", "semantic_version", "asgiref"),
        frozenset(
            {
                "test_invalid_remember_cookie",
                "test_remember_me_accepts_duration_as_int",
                "test_remember_me_custom_duration_uses_custom_cookie",
                "test_remember_me_refresh_every_request",
                "test_remember_me_uses_custom_cookie_parameters",
            }
        ),
        source="src",
    ),
    Proof("Flask-JWT", "0.3.2", 19, ("pyjwt==1.7.1",)),
    Proof(
        "pytest-flask",
        "1.2.0",
        36,
        ("mock", "setuptools<81", "wheel", "setuptools_scm"),
        is_installed=True,
    ),
    Proof("Flask-SQLAlchemy", "2.5.1", 73, ("sqlalchemy==1.3.24", "blinker", "mock")),
    Proof(
        "Flask-Assets",
        "2.0",
        25,
        ("webassets==2.0", "pyyaml"),
        frozenset({"test_directory_auto"}),
        ("tests", "--ignore=tests/test_script.py"),
        source="src",
    ),
    Proof(
        "Flask-JWT-Extended",
        "4.4.3",
        163,
        ("pyjwt==2.4.0", "cryptography", "python-dateutil"),
        frozenset(
            {
                "test_default_configs",
                "test_override_configs[timedelta]",
                "test_override_configs[relativedelta]",
            }
        ),
    ),
    Proof("Flask-Script", "2.0.6", 46, tests=("tests.py",)),
    Proof(
        "Flask-CeleryExt",
        "0.4.1",
        7,
        ("celery>=5.1,<6", "redis", "msgpack", "pytest-mock", "setuptools<60"),
    ),
    Proof(
        "Flask-Admin",
        "1.6.0",
        34,
        ("wtforms==2.3.3", "sqlalchemy==1.4.46", "pillow", "arrow"),
        frozenset(
            {
                "test_nested_flask_views",
                "test_image_upload_field",
                "test_export_csv",
                "test_list_row_actions",
                "test_mockview",
            }
        ),
        tuple(
            f"flask_admin/tests/test_{name}.py"
            for name in ("base", "model", "form_upload", "tools")
        ),
    ),
]


def run(
    command: list[str | Path], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def pip(python: str | Path, folder: Path, *arguments: str | Path) -> None:
    done = run([python, "-m", "pip", *arguments, "-q", "--disable-pip-version-check"], folder)
    assert done.returncode == 0, done.stdout


def unpacked(proof: Proof, folder: Path) -> Path:
    """Download the source of a release and return the folder that holds it."""
    options = ("--no-deps", "--no-binary", proof.name, "--dest", folder / "sdist")
    pip(sys.executable, folder, "download", *options, f"{proof.name}=={proof.version}")
    (archive,) = (folder / "sdist").iterdir()
    shutil.unpack_archive(archive, folder / "source")
    (source,) = (folder / "source").iterdir()
    return source


def environment(proof: Proof, source: Path, folder: Path) -> Path:
    """Make an environment with modern Flask for a release and return its Python."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip(python, folder, "install", *FLASK, *proof.requires)
    if proof.is_installed:
        pip(python, folder, "install", "--no-deps", "--no-build-isolation", "--editable", source)
    return python


def outcomes(proof: Proof, python: Path, source: Path) -> dict[str, set[str]]:
    """Run the tests of a release; return which passed and which failed."""
    report = source.parent / "report.xml"
    report.unlink(missing_ok=True)
    options = ["-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider", "-p", "gone_names"]
    path = os.pathsep.join(map(str, (source / proof.source, PLUGIN)))
    pytest = [python, "-m", "pytest", *options, f"--junitxml={report}", *proof.tests]
    done = run(pytest, source, PYTHONPATH=path)
    found: dict[str, set[str]] = {"passed": set(), "failed": set()}
    if not report.exists():  # pytest could not even load what stands in conftest.py
        return {**found, "failed": {f"::{done.stdout}"}}
    for case in ElementTree.parse(report).iter("testcase"):
        marks = {child.tag for child in case}
        if "skipped" not in marks:
            name = f"{case.get('classname')}::{case.get('name')}"
            found["failed" if marks & {"failure", "error"} else "passed"].add(name)
    return found


def fix(source: Path) -> dict[str, bytes]:
    """Rewrite a tree, and return what its files hold then."""
    tool = [sys.executable, "-m", "flask_ctxfix", "--apply", "--target-version=3.1"]
    state = source.parent.parent / "state"
    done = run([*tool, source], source.parent, XDG_STATE_HOME=str(state))
    assert done.returncode in (0, 1), done.stdout
    return {str(path): path.read_bytes() for path in source.rglob("*.py")}


@pytest.mark.network
@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_proof(proof: Proof, tmp_path: Path) -> None:
    source = unpacked(proof, tmp_path)
    python = environment(proof, source, tmp_path)
    before = outcomes(proof, python, source)

    fixed = fix(source)
    after = outcomes(proof, python, source)

    assert len(before["passed"]) < proof.passed
    assert {name.partition("::")[2] for name in after["failed"]} <= proof.failed
    assert len(after["passed"]) >= proof.passed
    assert fix(source) == fixed
