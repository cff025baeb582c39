from pathlib import Path

import pytest

from flask_ctxfix.flask_detection import detect

SETUP_PY = """\
from setuptools import setup

requires = ["click", "Flask>=2,<3"]
setup(name="x", keywords=["flask"], install_requires=requires)
"""


def _project(folder: Path, files: dict[str, str]) -> Path:
    (folder / ".git").mkdir()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("specifier", "target"),
    [
        ("", "3.1"),
        (">=2.2", "3.1"),
        (">=2,<3", "2.3"),
        (">=2, < 2.3", "2.2"),
        ("<2.3.4", "2.3"),
        ("<=2.2", "2.2"),
        (">2.2,<3.0", "2.3"),
        ("==2.2.5", "2.2"),
        ("===2.2.5", "2.2"),
        ("==3.*", "3.1"),
        ("==3", "3.0"),
        ("==3.0.*,!=3.0.2", "3.0"),
        ("!=3.1.*", "3.0"),
        ("!=3.1.2", "3.1"),
        ("~=2.2", "2.3"),
        ("~=2.2.1", "2.2"),
        (">=3.2", "3.2"),
        (">=3.2.0.dev0", "3.2"),
        ("[async]>=2,<3 ; python_version >= '3.8'", "2.3"),
        (" (>=2,<3)", "2.3"),
        (" @ git+https://example.org/flask.git@2.2", "3.1"),
    ],
)
def test_newest_release_that_a_requirement_allows(
    tmp_path: Path, specifier: str, target: str
) -> None:
    _project(tmp_path, {"requirements.txt": f"click\nFlask{specifier}\n"})
    assert str(detect(tmp_path).target) == target


@pytest.mark.parametrize("specifier", ["==1.1.4", "<2", "~=0.12", ">=4"])
def test_requirement_outside_of_what_is_known(tmp_path: Path, specifier: str) -> None:
    _project(tmp_path, {"requirements.txt": f"flask{specifier}\n"})
    detected = detect(tmp_path)
    assert str(detected.target) == "3.1"
    assert (
        f"requirements.txt: flask{specifier} allows none of Flask 2.2 to 3.2, so" in detected.reason
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "pyproject.toml",
            '[project]\ndependencies = ["flask>=2,<3"]\n'
            '[project.optional-dependencies]\nx = ["flask==3.0"]\n',
            "flask>=2,<3 in pyproject.toml",
        ),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["flask-login"]\n'
            '[project.optional-dependencies]\nx = ["flask<3"]\n',
            "flask<3 in pyproject.toml",
        ),
        (
            "pyproject.toml",
            '[dependency-groups]\ntest = ["flask<3", {include-group = "x"}]\n',
            "flask<3 in pyproject.toml",
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\nFlask = {version = "~2.3", extras = ["async"]}\n',
            "flask~2.3 in pyproject.toml",
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\nflask = [{version = "^2.1"}, {version = "2.2.*"}]\n',
            "flask^2.1 or flask2.2.* in pyproject.toml",
        ),
        (
            "pyproject.toml",
            '[tool.poetry.group.test.dependencies]\nflask = ">=2,<3 || 1.1"\n',
            "flask>=2,<3||1.1 in pyproject.toml",
        ),
        ("Pipfile", '[packages]\nflask = "<3"\n', "flask<3 in Pipfile"),
        ("setup.cfg", "[options]\ninstall_requires =\n    flask<3\n", "flask<3 in setup.cfg"),
        ("setup.cfg", "[options.extras_require]\nx =\n    flask<3\n", "flask<3 in setup.cfg"),
        ("setup.py", SETUP_PY, "flask>=2,<3 in setup.py"),
        ("requirements/base.txt", "flask<3 --hash=x\n", "flask<3 in requirements/base.txt"),
        ("poetry.lock", '[[package]]\nname = "flask"\nversion = "2.3.3"\n', "==2.3.3 in poetry"),
        ("uv.lock", '[[package]]\nname = "flask"\nversion = "2.3.3"\n', "==2.3.3 in uv.lock"),
        ("Pipfile.lock", '{"default": {"flask": {"version": "==2.3.2"}}}', "in Pipfile.lock"),
    ],
)
def test_sources(tmp_path: Path, name: str, text: str, reason: str) -> None:
    _project(tmp_path, {name: text})
    detected = detect(tmp_path)
    assert str(detected.target) == "2.3"
    assert reason in detected.reason


def test_included_requirements_are_followed_once(tmp_path: Path) -> None:
    files = {"requirements.txt": "-r other.txt\n", "other.txt": "-r requirements.txt\nflask<3\n"}
    _project(tmp_path, files)
    assert detect(tmp_path).reason == "flask<3 in other.txt"


def test_declarations_come_before_locks(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "flask"\nversion = "2.2.5"\n'
    _project(tmp_path, {"poetry.lock": lock, "requirements.txt": "flask<3.1\n"})
    assert str(detect(tmp_path).target) == "3.0"


def test_search_goes_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("flask<3\n")
    (tmp_path / "repo" / "src").mkdir(parents=True)
    assert str(detect(tmp_path / "repo" / "src").target) == "2.3"
    (tmp_path / "repo" / ".git").mkdir()
    detected = detect(tmp_path / "repo" / "src")
    assert detected.reason == "the newest release, since the project does not name Flask"
    assert str(detected.target) == "3.1"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "flask ="),
        ("pyproject.toml", '[project]\noptional-dependencies = ["flask<3"]\n'),
        ("pyproject.toml", '[project]\ndependencies = ["flask-login<3", "flask_cors<2"]\n'),
        ("setup.cfg", "flask<3\n"),
        ("setup.py", "setup(install_requires=['flask<3'"),
        ("setup.py", "setup(keywords=['flask'])\n"),
        ("Pipfile.lock", "flask"),
        ("requirements.txt", "# flask<3\n-e git+https://example.org/flask#egg=flask\n"),
    ],
)
def test_files_that_say_nothing(tmp_path: Path, name: str, text: str) -> None:
    _project(tmp_path, {name: text})
    assert "does not name Flask" in detect(tmp_path).reason


@pytest.mark.parametrize(
    ("werkzeug", "target"),
    [("==2.1.2", None), ("<2.2", None), ("<2.3", "2.2"), ("==2.3.8", "2.3"), (">=2", "3.1")],
)
def test_werkzeug_bounds_flask(tmp_path: Path, werkzeug: str, target: str | None) -> None:
    pins = f"Flask>=2.1.2\nWerkzeug{werkzeug}\n"
    _project(tmp_path, {"requirements.txt": "-r requirements/prod.txt\n"})
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "prod.txt").write_text(pins)
    detected = detect(tmp_path)
    assert detected.is_too_old == (target is None)
    assert str(detected.target) == (target or "3.1")
    said = "flask>=2.1.2" if target == "3.1" else f"flask>=2.1.2 with werkzeug{werkzeug}"
    name = "requirements/prod.txt"
    missing = f"{name}: {said} allow none of Flask 2.2 to 3.2, so fixes are for 3.1 and may not "
    assert detected.reason.startswith(missing if target is None else f"{said} in {name}")
