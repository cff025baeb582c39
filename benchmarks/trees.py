"""The trees that are measured: packages of other people, fetched once, and generated code."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import generated
from platformdirs import user_cache_path

UNRELATED = ("Django==5.2.19", "SQLAlchemy==2.0.43", "celery==5.5.3")
OTHER_FRAMEWORKS = ("aiohttp==3.12.15", "fastapi==0.116.1")
APPLICATIONS = (
    "apache-superset==6.1.0",
    "mlflow==3.18.0",
    "indico==3.2.9",
    "pgadmin4==9.18",
    "OctoPrint==1.11.8",
)
LEAKY = "Flask-Login==0.6.1"

STRAY_COMMENT = "# not about flask at all\n"
SEED = 20


def package(requirement: str, source: bool = False) -> Path:
    """Return the folder of a package, fetched and unpacked once: its wheel, or its `source`."""
    home = user_cache_path("flask-ctxfix") / "benchmarks" / requirement
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            archive = _fetched(requirement, Path(scratch), source)
            tree = Path(scratch) / "tree"
            shutil.unpack_archive(archive, tree, "zip" if archive.suffix == ".whl" else None)
            _mark(tree)
            tree.rename(home)
    return home


def _fetched(requirement: str, folder: Path, source: bool) -> Path:
    name = requirement.partition("==")[0]
    form = ["--no-binary", name] if source else ["--prefer-binary"]
    pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--no-deps", *form, "--dest", str(folder), requirement], check=True)
    (archive,) = folder.iterdir()
    return archive


def _mark(folder: Path) -> Path:
    """Make a folder a project of its own, whatever it lies in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").touch()
    return folder


def library() -> Path:
    """Return the folder of CPython's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def unrelated(folder: Path) -> Path:
    """Put the standard library and packages below a folder, with one comment that names Flask."""
    ignored = shutil.ignore_patterns("site-packages", "dist-packages", "__pycache__", "*.so")
    shutil.copytree(library(), folder / "library", ignore=ignored)
    for requirement in UNRELATED:
        shutil.copytree(package(requirement), folder / requirement, ignore=ignored)
    (folder / "stray.py").write_text(f"{STRAY_COMMENT}LIMIT = 10\n")
    return _mark(folder)


def other_frameworks(folder: Path) -> Path:
    """Put packages below a folder that look like Flask here and there."""
    for requirement in OTHER_FRAMEWORKS:
        shutil.copytree(package(requirement), folder / requirement)
    return _mark(folder)


def mixed(folder: Path, files: int, share: float) -> Path:
    """Put so many generated files below a folder, of which a share has to do with Flask."""
    return _mark(generated.write(generated.mixed(files, share, SEED), folder))


def application(folder: Path, modules: int) -> Path:
    """Put a generated application of so many modules below a folder."""
    return _mark(generated.write(generated.application(modules, SEED), folder))


def copies(folder: Path, number: int, modules: int) -> Path:
    """Put copies of a generated application below a folder, as packages of one project."""
    for each in range(number):
        name = f"copy{each:02}"
        generated.write(generated.application(modules, SEED, name), folder / name)
    return _mark(folder)


def large_file(folder: Path, lines: int) -> Path:
    """Put one generated file of so many lines below a folder."""
    return _mark(generated.write({"views.py": generated.large_file(lines, SEED)}, folder))


def one_file(folder: Path) -> Path:
    """Put the smallest application that reads a request below a folder."""
    text = """from flask import Flask, request

app = Flask(__name__)


@app.route("/")
def hello():
    return "Hello, " + request.args.get("name", "World") + "!"
"""
    return _mark(generated.write({"app.py": text}, folder))


def leaky(folder: Path, number: int) -> Path:
    """Put copies of a package below a folder that has much to rewrite."""
    for each in range(number):
        shutil.copytree(package(LEAKY, source=True), folder / f"copy{each:03}")
    return _mark(folder)


def lines_in(folder: Path) -> int:
    """Return how many lines the Python files below a folder have."""
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))
