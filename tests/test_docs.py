"""The documentation shows what the tool does now."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from flask_ctxfix import __version__

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WALKTHROUGH = ROOT / "docs" / "walkthrough.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
NEEDS_FLASK_3 = pytest.mark.skipif(version("flask") < "3", reason="the example is for Flask 3")


def sessions(text: str) -> list[tuple[str, str]]:
    """Return the commands of all ``console`` blocks, each with the output that follows it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        (command, output)
        for block in blocks
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def run(command: str, folder: Path, state: Path) -> str:
    """Run ``flask-ctxfix …`` or ``python …`` in `folder` and return all that it prints."""
    program, *arguments = command.split()
    python = {"flask-ctxfix": ["-m", "flask_ctxfix"], "python": []}[program]
    done = subprocess.run(
        [sys.executable, *python, *arguments],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(state), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


@NEEDS_FLASK_3
@pytest.mark.parametrize("page", [README, WALKTHROUGH], ids=lambda page: page.name)
def test_pages_show_what_is_printed(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    folder = tmp_path
    shown = sessions(page.read_text(encoding="utf-8"))
    assert "flask-ctxfix --diff" in {command for command, _ in shown}
    for command, output in shown:
        if command.startswith("cd "):
            folder = (folder / command.removeprefix("cd ")).resolve()
            continue
        printed = run(command, folder, tmp_path / "state")
        assert doctest.OutputChecker().check_output(output, printed, doctest.ELLIPSIS), (
            f"$ {command}\n{printed}"
        )


@NEEDS_FLASK_3
def test_the_first_example_of_the_readme(tmp_path: Path) -> None:
    example = ROOT / "examples" / "orders"
    (shown,) = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert (example / "app.py").read_text() == shown
    order = (
        "from app import app\napp.secret_key = 'orders'\nclient = app.test_client()\n"
        "with client.session_transaction() as session:\n    session['email'] = 'ada'\n"
        "print(client.post('/orders').status)\n"
    )
    folder = Path(shutil.copytree(example, tmp_path / "orders"))
    (folder / "order.py").write_text(order)
    before = run("python order.py", folder, tmp_path)
    assert "200 OK" in before
    assert "RuntimeError: Working outside of request context." in before
    assert "To ada" not in before
    assert "1 finding fixed" in run("flask-ctxfix --apply app.py", folder, tmp_path)
    after = run("python order.py", folder, tmp_path)
    assert "200 OK" in after
    assert "To ada: we have received your order." in after
    assert "RuntimeError" not in after


@NEEDS_FLASK_3
def test_example_runs() -> None:
    done = subprocess.run([sys.executable, ROOT / "examples" / "run.py"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_configuration_that_is_shown_is_valid(tmp_path: Path) -> None:
    page = CONFIGURATION.read_text()
    (table,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(table)
    for folder in ("src", "tests"):
        (tmp_path / folder).mkdir()
    printed = run("flask-ctxfix", tmp_path, tmp_path / "state")
    assert printed == "Nothing was searched: no Python file was found.\n"


def test_page_of_rules_is_current() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.PAGE.read_text(encoding="utf-8") == generate.page(), (
        "run `python docs/generate.py`"
    )


def test_options_that_are_named_exist() -> None:
    """Each option in the text of a page, or in a command of it, is one that --help lists."""
    printed = subprocess.run(
        [sys.executable, "-m", "flask_ctxfix", "--help"], capture_output=True, encoding="utf-8"
    ).stdout
    known = set(re.findall(r"(?<!\S)--[a-z-]+", printed))
    pages = [README, *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    commands = re.findall(r"^\$? ?flask-ctxfix (.*)$|`flask-ctxfix ([^`]*)`", text, re.MULTILINE)
    named = {option for pair in commands for option in re.findall(r"--[a-z-]+", " ".join(pair))}
    named |= set(re.findall(r"`(--[a-z-]+)[^`]*`", text))
    assert len(named) > 10
    assert named <= known


def test_change_log_has_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[?(\d[\w.]*)", text, re.MULTILINE)[0] == __version__
    assert version("flask-ctxfix") == __version__


def test_architecture_names_what_there_is() -> None:
    """Every file and folder that the page names is there, in one room or another."""
    named = {*re.findall(r"`([\w./]+(?:\.py|/))`", ARCHITECTURE.read_text(encoding="utf-8"))}
    there = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")]
    places = {f"/{each}" for each in there} | {f"/{each.rpartition('/')[0]}/" for each in there}
    assert len(named) > 50
    assert {each for each in named if not any(p.endswith(f"/{each}") for p in places)} == set()


def test_each_room_asks_those_above_it() -> None:
    """The table of rooms holds every file, and imports go upwards in it only."""
    lines = ARCHITECTURE.read_text(encoding="utf-8").split("| Room |")[1].split("\n\n")[0]
    rooms = [re.findall(r"`([\w./]+)`", line.split("|")[2]) for line in lines.splitlines()[2:]]
    heights = {place: height for height, room in enumerate(rooms) for place in room}

    def place_of(path: Path) -> str:
        inside = path.relative_to(ROOT).as_posix().removeprefix("flask_ctxfix/")
        folder = f"{inside.split('/')[0]}/"
        return folder if folder in heights else inside

    wrong = []
    modules = {
        path: place_of(path)
        for folder in ("flask_ctxfix", "codemods")
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py") or path.parent.name != "flask_ctxfix"
    }
    for path, place in modules.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            asked = ROOT / node.module.replace("flask_ctxfix.codemods", "codemods").replace(
                ".", "/"
            )
            target = modules.get(asked.with_suffix(".py")) or modules.get(asked / "__init__.py")
            if target is not None and heights[target] > heights[place]:
                wrong.append((place, target))
    assert wrong == []


def test_no_family_imports_another() -> None:
    for path in (ROOT / "codemods").rglob("*.py"):
        families = set(re.findall(r"flask_ctxfix\.codemods\.(\w+)", path.read_text()))
        assert families <= {path.parent.name}, path
