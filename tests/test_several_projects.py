"""Runs over several projects: each file is judged by its own, whichever paths are given."""

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flask_ctxfix import engine
from flask_ctxfix.cli import main
from flask_ctxfix.records import replace
from tests.conftest import TOY, Renaming, family

Write = Callable[[dict[str, str | bytes]], None]

CODE = "import flask\n[old, risky, note, chosen]\n"
TABLE = "[tool.flask-ctxfix]\n"
PROJECTS: dict[str, str | bytes] = {
    "p/pyproject.toml": f"{TABLE}select = ['TOY101', 'TOY103']\nthread-fix = 'values'\n",
    "p/requirements.txt": "flask<3\n",
    "p/a.py": CODE,
    "q/pyproject.toml": f"{TABLE}ignore = ['TOY101']\nunsafe-fixes = true\n",
    "q/setup.cfg": "[options]\ninstall_requires = flask==3.0.*\n",
    "q/a.py": CODE,
    "r/pyproject.toml": f"{TABLE}select = ['TOY102', 'TOY106']\nthread-fix = 'values'\n"
    "[tool.flask-ctxfix.per-file-ignores]\n'a.py' = ['TOY102']\n",
    "r/a.py": CODE,
    "r/b.py": CODE,
}
FOUND = {
    "p/a.py": ["TOY101", "TOY103"],
    "q/a.py": ["TOY102", "TOY106"],
    "r/a.py": ["TOY106"],
    "r/b.py": ["TOY102", "TOY106"],
}
WRITTEN = {
    "p/a.py": "import flask\n[new, risky, note, chosen]\n",
    "q/a.py": "import flask\n[old, secure, note, by_safest]\n",
    "r/a.py": "import flask\n[old, risky, note, by_values]\n",
    "r/b.py": "import flask\n[old, risky, note, by_values]\n",
}
REPOSITORY: dict[str, str | bytes] = {".git/HEAD": ""}
pytestmark = pytest.mark.usefixtures("toy")


def _run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, args, input=stdin)


def _found(*args: str, stdin: str | None = None) -> dict[str, list[str]]:
    result = _run(*args, "--output-format", "json", stdin=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    found: dict[str, list[str]] = {}
    for each in json.loads(result.stdout):
        found.setdefault(each["filename"], []).append(each["code"])
    return {path: sorted(codes) for path, codes in found.items()}


@pytest.mark.parametrize("is_repository", [False, True])
@pytest.mark.parametrize("paths", [(".",), (), *permutations("pqr")])
def test_findings_whatever_the_order_of_paths(
    tree: Write, paths: tuple[str, ...], is_repository: bool
) -> None:
    tree({**PROJECTS, **(REPOSITORY if is_repository else {})})
    assert _found(*paths) == FOUND


@pytest.mark.parametrize("path", FOUND)
def test_findings_of_a_file_given_alone(tree: Write, path: str) -> None:
    tree(PROJECTS)
    assert _found(path) == {path: FOUND[path]}
    code = Path(path).read_text()
    assert _found("-", "--stdin-filename", path, stdin=code) == {path: FOUND[path]}


@pytest.mark.parametrize("paths", [("r", "q", "p"), (".",), tuple(FOUND)])
def test_what_is_written(tree: Write, paths: tuple[str, ...]) -> None:
    tree(PROJECTS)
    _run("--apply", *paths)
    assert {path: Path(path).read_text() for path in WRITTEN} == WRITTEN
    assert _run("--undo").exit_code == 0
    assert {Path(path).read_text() for path in WRITTEN} == {CODE}


def test_options_go_before_every_configuration(tree: Write) -> None:
    tree(PROJECTS)
    only = _found("p", "q", "--select", "TOY101", "--ignore", "TOY2")
    assert only == {"p/a.py": ["TOY101"], "q/a.py": ["TOY101"]}
    _run("--apply", "--select", "TOY106", "--thread-fix", "wrap", "p", "r")
    assert "by_wrap" in Path("p/a.py").read_text()
    assert "by_wrap" in Path("r/a.py").read_text()


def test_only_one_rule_is_explained(tree: Write) -> None:
    tree(PROJECTS)
    result = _run("--explain", "TOY101", "p", "q")
    assert "p/a.py:2:2: TOY101" in result.stdout
    assert "q/a.py:2:2: TOY101" in result.stdout
    assert "TOY103" not in result.stdout


@pytest.mark.parametrize("paths", [("p", "q", "r"), ("r", "q", "p")])
def test_the_summary_names_the_targets_of_several_projects(
    tree: Write, paths: tuple[str, ...]
) -> None:
    tree(PROJECTS)
    assert _run(*paths).stderr.splitlines() == [
        "7 findings in 4 files, 5 fixable with --apply, 1 more with --unsafe-fixes.",
        "Target of p: Flask 2.3 (flask<3 in requirements.txt).",
        "Target of q: Flask 3.0 (flask==3.0.* in setup.cfg).",
        "Target of r: Flask 3.1 (the newest release, since the project does not name Flask).",
    ]


def test_the_summary_names_projects_of_one_target_together(tree: Write) -> None:
    names = [*"abcde"]
    tree({f"{name}/requirements.txt": "flask<3\n" for name in names})
    tree({f"{name}/x.py": "import flask\nold\n" for name in names})
    last = _run(".").stderr.splitlines()[-1]
    assert last == "Target: Flask 2.3 (flask<3 in requirements.txt)."
    tree({"f/setup.py": "", "f/x.py": "import flask\nold\n"})
    assert _run(".").stderr.splitlines()[-2:] == [
        "Target of a, b, c, and 2 more: Flask 2.3 (flask<3 in requirements.txt).",
        "Target of f: Flask 3.1 (the newest release, since the project does not name Flask).",
    ]


def test_rules_of_one_target_only(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    class OfTarget(Renaming):
        def find(self, module, project, target):  # type: ignore[no-untyped-def]
            if str(target) == "2.3":
                yield from super().find(module, project, target)

    codemod = family("of target", (OfTarget("TOY101", "old", "new"),), frozenset({"old"}))
    monkeypatch.setattr(engine, "load_codemods", lambda: [codemod])
    tree({"p/requirements.txt": "flask<3\n", "p/a.py": CODE, "q/setup.py": "", "q/a.py": CODE})
    for paths in permutations("pq"):
        assert _found(*paths) == {"p/a.py": ["TOY101"]}


EXCLUDING: dict[str, str | bytes] = {
    "pyproject.toml": f"{TABLE}exclude = ['gone', 'p/kept', '/top.py']\n",
    "gone/pyproject.toml": TABLE,
    "p/pyproject.toml": f"{TABLE}extend-exclude = ['/made', 'b.py']\n",
    "q/setup.py": "",
    **dict.fromkeys(
        (
            *("top.py", "gone/a.py", "a/gone/a.py"),
            *("p/a.py", "p/b.py", "p/c/b.py", "p/gone/a.py", "p/kept/a.py", "p/made/a.py"),
            *("p/c/made/a.py", "p/build/a.py", "q/b.py", "q/gone/a.py", "q/build/a.py", "q/top.py"),
        ),
        "import flask\nold\n",
    ),
}
LEFT = {"p/a.py", "p/gone/a.py", "p/kept/a.py", "p/c/made/a.py"}
LEFT_OF_Q = {"q/b.py", "q/build/a.py", "q/top.py"}


def test_what_an_inner_project_excludes(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(EXCLUDING)
    assert _found(".").keys() == _found("p", "q").keys() == LEFT | LEFT_OF_Q
    assert _found("q", "p").keys() == LEFT | LEFT_OF_Q
    assert _found("p").keys() == LEFT
    assert _found("p/gone").keys() == {"p/gone/a.py"}
    assert _found("p/b.py").keys() == {"p/b.py"}
    monkeypatch.chdir("p")
    assert {f"p/{path}" for path in _found()} == LEFT


def test_what_options_exclude(tree: Write) -> None:
    tree(EXCLUDING)
    assert "p/a.py" not in _found("--extend-exclude", "p/a.py")
    assert _found("--exclude", "/p/c,gone,kept,made,build,q").keys() == {"top.py", "p/a.py"}


def test_inner_projects_and_what_git_ignores(tree: Write) -> None:
    code = "import flask\nold\n"
    tree(
        {
            **REPOSITORY,
            ".gitignore": "made.py\n",
            "p/pyproject.toml": f"{TABLE}gitignore = false\n",
            "p/q/pyproject.toml": f"{TABLE}gitignore = true\n",
            "p/q/.gitignore": "b.py\n",
            **{f"{name}made.py": code for name in ("", "p/", "p/a/", "p/q/", "p/q/c/")},
            **{f"{name}b.py": code for name in ("p/q/", "p/q/c/")},
        }
    )
    assert _found(".").keys() == _found("p").keys() == {"p/made.py", "p/a/made.py"}
    assert _found("p/q") == {}
    tree({"pyproject.toml": f"{TABLE}gitignore = false\n", "p/pyproject.toml": ""})
    assert _found(".").keys() == {"made.py", "p/made.py", "p/a/made.py"}


def test_configured_paths_are_those_of_the_current_folder(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree({**PROJECTS, "pyproject.toml": f"{TABLE}paths = ['q', 'p/a.py']\n"})
    tree({"r/pyproject.toml": f"{TABLE}paths = ['b.py']\nselect = ['TOY101']\n"})
    assert _found().keys() == {"q/a.py", "p/a.py"}
    assert _found("r").keys() == {"r/a.py", "r/b.py"}
    monkeypatch.chdir("r")
    assert _found().keys() == {"b.py"}


def test_a_configuration_that_is_wrong(tree: Write) -> None:
    tree({**PROJECTS, "q/pyproject.toml": f"{TABLE}\nselect = 'TOY101'\n"})
    said = 'expected a list of strings, such as ["CTX101", "CTX4"]'
    for paths in ((".",), ("p", "q"), ("q", "p")):
        result = _run(*paths)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"error: q/pyproject.toml:3: select: {said}\n"
    assert _run("p").exit_code == 1
    tree({"q/pyproject.toml": f"{TABLE}select = ['XYZ1']\n"})
    wrong = 'error: q/pyproject.toml:2: select: unknown rule "XYZ1"; see --list-rules\n'
    assert _run("p", "q").stderr == wrong


def test_a_test_given_alone_is_known_as_one(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    codemod = replace(TOY, in_tests=False)
    monkeypatch.setattr(engine, "load_codemods", lambda: [codemod])
    tree({"tests/helpers.py": CODE, "tests/deep/er/helpers.py": CODE, "app.py": CODE})
    for paths in (("tests/helpers.py",), ("tests",), ("tests/deep/er",), ("tests/deep/er/h.py",)):
        assert _found(*paths) == {}
    assert _found(".").keys() == {"app.py"}
    tree({"tests/requirements.txt": "", "requirements.txt": ""})
    assert _found("tests/helpers.py") == {}
    monkeypatch.chdir("tests")
    assert _found() == _found("helpers.py") == {}
