"""Which project a file is in, and what that says of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flask_ctxfix.projects import Projects
from flask_ctxfix.settings import Settings, SettingsError, load

Write = Callable[[dict[str, str | bytes]], None]


def _projects(*paths: str, **options: object) -> Projects:
    given = {"paths": [*paths], **options} if paths else options
    return Projects(load(given), given)


def _folder(path: str, *given: str) -> str:
    return Path(_projects(*(given or (path,))).folder(path)).relative_to(Path.cwd()).as_posix()


@pytest.mark.parametrize(
    "mark",
    [
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "Pipfile",
        "requirements.txt",
        "requirements-dev.txt",
        "requirements/base.txt",
        ".git/HEAD",
    ],
)
def test_the_nearest_mark_makes_a_project(tree: Write, mark: str) -> None:
    tree({"setup.py": "", f"p/{mark}": "", "p/a/b/c.py": "", "q/requirements/notes.md": ""})
    assert _folder("p/a/b/c.py") == "p"
    assert _folder("p/a.py", ".", "p/a") == "p"
    assert _folder("q/a.py") == "."


def test_without_a_mark_the_folder_of_the_path_is_the_project(tree: Write) -> None:
    tree({"p/a/b.py": "", "q/c.py": ""})
    assert _folder("p/a/b.py") == "p/a"
    for given in (("p", "p/a/b.py"), ("p/a/b.py", "p")):
        assert _folder("p/a/b.py", *given) == "p"
    assert _folder("q/c.py", "p") == "q"
    assert _folder("a.py") == "."


@pytest.mark.parametrize("mark", [None, ".git/HEAD", "setup.py", "tests/requirements.txt"])
@pytest.mark.parametrize("given", [".", "tests", "tests/helpers.py", "tests/inner/helpers.py"])
def test_a_test_is_one_whichever_paths_are_given(tree: Write, mark: str | None, given: str) -> None:
    tree({"tests/helpers.py": "", "tests/inner/helpers.py": "", "app.py": "", "conftest.py": ""})
    tree({mark: ""} if mark else {})
    if mark == "tests/requirements.txt":
        tree({"requirements.txt": ""})
    projects = _projects(given)
    for path in ("tests/helpers.py", "tests/inner/helpers.py", "conftest.py", "a/test_x.py"):
        assert projects.is_test(path)
        assert projects.is_test(str(Path(path).absolute()))
    for path in ("app.py", "a/testing.py", "a/x_tests.py"):
        assert not projects.is_test(path)


def test_names_above_a_repository_or_project_say_nothing(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree({"tests/migrations/p/setup.py": "", "tests/q/.git/HEAD": "", "tests/loose/a.py": ""})
    for path in ("tests/migrations/p/a.py", "tests/q/a.py"):
        assert not _projects(path).is_test(path)
        assert not _projects(path).is_migration(path)
    monkeypatch.chdir("tests")
    assert not _projects("loose").is_test("loose/a.py")
    assert not _projects("a.py").is_test("a.py")
    tree({"tests/__init__.py": ""})
    assert _projects("a.py").is_test("a.py")


def test_what_is_marked_in_a_home_is_not_all_one(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree({"me/requirements.txt": "", "me/test/p/setup.py": "", "me/test/loose.py": ""})
    monkeypatch.setenv("HOME", str(Path("me").absolute()))
    assert not _projects("me/test/p/a.py").is_test("me/test/p/a.py")
    assert _projects("me/test/loose.py").is_test("me/test/loose.py")
    monkeypatch.delenv("HOME")
    assert _projects("me/test/p/a.py").is_test("me/test/p/a.py")


def test_migrations(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"setup.py": "", "db/script.py.mako": "", "db/versions/a.py": "", "migrations/env.py": ""})
    projects = _projects()
    for path in ("db/env.py", "db/versions/a.py", "migrations/env.py", "x/alembic/env.py"):
        assert projects.is_migration(path)
    assert not projects.is_migration("app/db.py")
    monkeypatch.chdir("migrations")
    assert _projects("env.py").is_migration("env.py")


NESTED: dict[str, str | bytes] = {
    "pyproject.toml": "[tool.flask-ctxfix]\nselect = ['CTX1']\nthread-fix = 'values'\n",
    "requirements.txt": "flask<3\n",
    "p/pyproject.toml": "[tool.flask-ctxfix]\nselect = ['CTX4']\n",
    "p/requirements.txt": "flask==3.0.*\n",
    "q/requirements.txt": "click\n",
    "r/setup.cfg": "",
    "r/pyproject.toml": "[tool.flask-ctxfix]\ntarget-version = '3.2'\n",
}


@pytest.mark.parametrize("given", [("p", "q", "r"), ("r", "q", "p"), (".",), ("q/a.py",), ()])
def test_the_innermost_configuration_and_target_count(tree: Write, given: tuple[str, ...]) -> None:
    tree(NESTED)
    projects = _projects(*given)
    found = {
        path: (
            projects.settings(path).select,
            projects.settings(path).thread_fix,
            str(projects.target(path).target),
            projects.target(path).reason,
        )
        for path in ("a.py", "p/a.py", "q/b/a.py", "r/a.py")
    }
    assert found == {
        "a.py": (("CTX1",), "values", "2.3", "flask<3 in requirements.txt"),
        "p/a.py": (("CTX4",), "safest", "3.0", "flask==3.0.* in requirements.txt"),
        "q/b/a.py": (("CTX1",), "values", "2.3", "flask<3 in requirements.txt"),
        "r/a.py": ((), "safest", "3.2", "target-version in pyproject.toml"),
    }
    assert len(projects.every(found)) == 3
    here = str(Path.cwd())
    assert [(each.folder, str(each.detected.target)) for each in projects.targets(found)] == [
        (here, "2.3"),
        (f"{here}/p", "3.0"),
        (f"{here}/q", "2.3"),
        (f"{here}/r", "3.2"),
    ]


def test_options_go_before_every_configuration(tree: Write) -> None:
    tree(NESTED)
    projects = _projects("p", "r", **{"select": ["CTX5"], "target-version": "2.2"})
    for path in ("a.py", "p/a.py", "r/a.py"):
        assert projects.settings(path).select == ("CTX5",)
        assert projects.target(path).reason == "--target-version"
    assert projects.settings("a.py").thread_fix == "values"


def test_settings_made_by_hand_go_before_every_configuration(tree: Write) -> None:
    tree(NESTED)
    settings = Settings(paths=("p", "r"))
    projects = Projects(settings)
    assert projects.settings("p/a.py") is projects.settings("r/a.py") is settings
    assert str(projects.target("p/a.py").target) == "3.0"


def test_errors_of_an_inner_configuration_say_where(tree: Write) -> None:
    tree({"pyproject.toml": "", "p/pyproject.toml": "[tool.flask-ctxfix]\n\nselect = 1\n"})
    projects = _projects(".")
    assert projects.settings("a.py").select == ()
    with pytest.raises(SettingsError, match=r"^p/pyproject.toml:3: select: expected a list"):
        projects.settings("p/a.py")


def test_files_outside_of_what_is_given_have_no_settings_of_it(tree: Write) -> None:
    tree({"p/pyproject.toml": "[tool.flask-ctxfix]\nselect = ['CTX4']\n", "q/setup.py": ""})
    projects = _projects("p")
    assert projects.settings("p/a.py").select == ("CTX4",)
    assert projects.settings("q/a.py").select == ()


def test_a_setting_speaks_for_its_project_and_those_inside(tree: Write) -> None:
    tree({"setup.py": "", "p/setup.py": "", "pq/setup.py": "", "p/inner/setup.py": ""})
    projects = _projects()
    spoken = [("p/x/a.py", "p/b.py"), ("p/b.py", "p/x/a.py"), ("a.py", "p/b.py")]
    for path, other in [*spoken, ("p/a.py", "p/inner/b.py")]:
        assert projects.speaks_for(path, other)
    for path, other in [("p/a.py", "pq/a.py"), ("p/a.py", "b.py"), ("p/inner/b.py", "p/a.py")]:
        assert not projects.speaks_for(path, other)


def test_what_serves_a_file(tree: Write) -> None:
    tree(
        {
            ".git/HEAD": "",
            "compose.yml": "services:\n  p:\n    build: p\n    command: gunicorn shop:app\n",
            "p/setup.py": "",
            "p/shop.py": "",
            "q/setup.py": "",
            "q/shop.py": "",
            "q/app.py": "app = 1\n",
        }
    )
    projects = _projects()
    assert [each.by for each in projects.served("p/shop.py")] == ["gunicorn in compose.yml"]
    assert [each.by for each in projects.served("q/app.py")] == ["app.py, as `flask run` finds it"]
    assert projects.served("q/shop.py") == ()
    assert projects.served("/elsewhere/shop.py") == ()
