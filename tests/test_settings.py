from collections.abc import Callable
from pathlib import Path

import pytest

from flask_ctxfix.flask_versions import TargetVersion
from flask_ctxfix.settings import Settings, SettingsError, load

Write = Callable[[dict[str, str | bytes]], None]

TABLE = """\
[project]
name = "x"

[tool.flask-ctxfix]
select = ["CTX4"]
ignore = ["CTX404"]
exclude = ["generated"]
extend-exclude = ["old"]
gitignore = false
unsafe-fixes = true
target-version = "2.2-3.2"
thread-fix = "values"
output-format = "concise"
paths = ["src", "tests"]

[tool.flask-ctxfix.per-file-ignores]
"tests/*" = ["CTX401"]
"""


def test_defaults(tree: Write) -> None:
    assert load({}) == Settings()
    assert ".venv" in Settings().exclude


@pytest.mark.parametrize("mark", [".git/HEAD", "pyproject.toml", "setup.py", "setup.cfg"])
def test_the_root_is_the_project_if_there_is_no_configuration(tree: Write, mark: str) -> None:
    tree({f"project/{mark}": "", "project/src/a.py": ""})
    assert load({"paths": ["project/src/a.py"]}).root == str(Path("project").absolute())


def test_configuration(tree: Write) -> None:
    tree({"pyproject.toml": TABLE})
    assert load({}) == Settings(
        select=("CTX4",),
        ignore=("CTX404",),
        exclude=("generated",),
        extend_exclude=("old",),
        gitignore=False,
        unsafe_fixes=True,
        target_version=TargetVersion((2, 2), (3, 2)),
        thread_fix="values",
        output_format="concise",
        paths=("src", "tests"),
        per_file_ignores=(("tests/*", ("CTX401",)),),
        root=str(Path.cwd()),
    )


def test_options_go_before_the_configuration(tree: Write) -> None:
    tree({"pyproject.toml": TABLE, "src/a.py": ""})
    settings = load({"paths": ["src/a.py"], "select": ["CTX401"], "target-version": "3.1"})
    assert settings.paths == ("src/a.py",)
    assert settings.select == ("CTX401",)
    assert settings.target_version == TargetVersion((3, 1), (3, 1))
    assert settings.ignore == ("CTX404",)


def test_the_nearest_table_above_the_first_path_counts(
    tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(
        {
            "pyproject.toml": TABLE,
            "src/pyproject.toml": "[tool.other]\nflask-ctxfix = 1\n",
            "src/other/pyproject.toml": "[project]\n",
            "src/in/pyproject.toml": "[tool.flask-ctxfix]\nignore = ['CTX1']\n",
        }
    )
    assert load({"paths": ["src/in"]}).ignore == ("CTX1",)
    assert load({"paths": ["src/missing.py"]}).ignore == ("CTX404",)
    assert load({"paths": ["src/other"]}).ignore == ("CTX404",)
    monkeypatch.chdir("src")
    settings = load({})
    assert settings.paths == (".", "../tests")
    assert Path(settings.root) == Path.cwd().parent


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", 'pyproject.toml:2: selct: unknown setting; did you mean "select"?'),
        ("wrong = []", "pyproject.toml:2: wrong: unknown setting; use select, ignore, "),
        (
            "ignore = []\nselect = 'CTX1'",
            "pyproject.toml:3: select: expected a list of strings, such as",
        ),
        ("select = [1]", "pyproject.toml:2: select: expected a list of strings, such as"),
        ("select = ['CTX-1']", 'pyproject.toml:2: select: unknown rule "CTX-1"; see --list-rules'),
        ("gitignore = 'no'", "pyproject.toml:2: gitignore: expected true or false"),
        ("target-version = 3.1", "pyproject.toml:2: target-version: expected a string, such as"),
        ("target-version = '1.1'", 'target-version: unknown version "1.1"; use 2.2, 2.3,'),
        ("target-version = '3.1-2.2'", 'the range "3.1-2.2" ends before it starts'),
        ("thread-fix = 'copy'", "thread-fix: expected one of safest, wrap, values"),
        ("output-format = 'xml'", "output-format: expected one of text, concise, json"),
        ("per-file-ignores = []", "per-file-ignores: expected a table, such as"),
        (
            "[tool.flask-ctxfix.per-file-ignores]\nx = 'CTX'",
            'pyproject.toml:2: per-file-ignores: "x": expected',
        ),
        ("select = [", "pyproject.toml"),
    ],
)
def test_configuration_that_is_wrong(tree: Write, text: str, message: str) -> None:
    tree({"pyproject.toml": f"[tool.flask-ctxfix]\n{text}\n"})
    with pytest.raises(SettingsError) as caught:
        load({})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_toml_that_is_wrong(tree: Write) -> None:
    tree({"pyproject.toml": "[tool.flask-ctxfix]\n\nselect = [\n[x"})
    with pytest.raises(SettingsError, match=r"pyproject.toml:4: not valid TOML"):
        load({})
    tree({"pyproject.toml": b"[tool.flask-ctxfix]\n# \xff\n"})
    with pytest.raises(SettingsError, match=r"pyproject.toml: not valid TOML"):
        load({})
    tree({"pyproject.toml": "tool = 'flask-ctxfix'\n"})
    assert load({}) == Settings(root=str(Path.cwd()))
    tree({"pyproject.toml": "[tool.other]\nx = 'flask-ctxfix'\n"})
    assert load({}) == Settings(root=str(Path.cwd()))
    tree({"pyproject.toml": "[tool]\nflask-ctxfix = 1\n"})
    with pytest.raises(SettingsError, match=r"pyproject.toml:2: expected a table"):
        load({})


def test_options_that_are_wrong(tree: Write) -> None:
    with pytest.raises(SettingsError, match=r"--target-version: unknown version .9.; use 2.2"):
        load({"target-version": "9"})


@pytest.mark.parametrize(
    ("select", "ignore", "selected"),
    [
        ((), (), True),
        (("CTX",), (), True),
        (("CTX401",), (), True),
        (("CTX402",), (), False),
        ((), ("CTX401",), False),
        ((), ("CTX402",), True),
        (("CTX4",), ("CTX401",), False),
        (("CTX401",), ("CTX4",), True),
        (("CTX401",), ("CTX401",), False),
    ],
)
def test_the_longest_prefix_decides(
    select: tuple[str, ...], ignore: tuple[str, ...], selected: bool
) -> None:
    assert Settings(select=select, ignore=ignore).selects("CTX401") is selected


def test_what_is_named_and_allowed() -> None:
    assert not Settings().names("CTX401")
    assert Settings(select=("CTX4",)).names("CTX401")
    assert Settings().allows("safe")
    assert not Settings().allows("unsafe")
    assert Settings(unsafe_fixes=True).allows("unsafe")


def test_configuration_that_cannot_be_read(tree: Write) -> None:
    Path("pyproject.toml").mkdir()
    with pytest.raises(SettingsError, match=r"^pyproject.toml: Is a directory"):
        load({})
