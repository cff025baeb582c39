"""The project's checks, each a session: ``nox -s lint``; ``nox -l`` lists them."""

from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
# Each Flask with the Werkzeug of its time: their own requirements have no upper bound.
FLASKS = ["2.2", "2.3", "3.0", "3.1"]
# What the tests run against; without one of them, what needs it is skipped.
EVERYTHING = ("test", "jobs", "extensions", "servers")


def group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PYPROJECT, name)


def every_group() -> tuple[str, ...]:
    return tuple(requirement for name in EVERYTHING for requirement in group(name))


@nox.session(python=PYTHONS)
@nox.parametrize("flask", FLASKS)
def tests(session: nox.Session, flask: str) -> None:
    """Run the tests; arguments go to pytest."""
    flasks = (f"flask=={flask}.*", f"werkzeug=={flask}.*")
    session.install(".", *every_group(), *flasks)
    session.run("pytest", "--every-fix", *session.posargs)


@nox.session(python=["3.11"])
def record(session: nox.Session) -> None:
    """Check what is recorded of the stacks against the last Flask that had them for good."""
    session.install(".", *group("test"), "flask==2.1.*", "werkzeug==2.1.*", "blinker")
    session.run("pytest", "tests/equality", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and show what they leave out."""
    session.install("-e", ".", *every_group(), "pytest-cov")
    session.run("pytest", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the installed package, in which the codemods have their place."""
    session.install(".", *group("types"))
    config = str(Path("pyproject.toml").resolve())
    # In this folder, mypy would find the package without its codemods.
    session.chdir(session.create_tmp())
    session.run("mypy", f"--config-file={config}", "--package=flask_ctxfix")


@nox.session
def fixes(session: nox.Session) -> None:
    """Try the fixes of the programs in a folder: ``nox -s fixes -- FOLDER``, with what they need.

    Further arguments are packages that the programs import.
    """
    folder, *packages = session.posargs
    session.install(".", *every_group(), *packages)
    session.run("pytest", "tests/test_fixes.py", "--programs", folder)


@nox.session
def proofs(session: nox.Session) -> None:
    """Rewrite old releases of real packages, and run their own tests on Flask 3.1."""
    session.install(".", *group("test"))
    session.run("pytest", "-m", "network", "tests/proofs", *session.posargs)


@nox.session
def network(session: nox.Session) -> None:
    """Run the tests that download packages, but for the proofs."""
    session.install(".", *group("test"))
    session.run("pytest", "-m", "network", "--ignore=tests/proofs", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure what it costs against Ruff, Python's parser and LibCST, and how that grows."""
    session.install(".", "ruff")
    session.run("python", "benchmarks/run.py", *session.posargs)
