import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flask_ctxfix.discovery import DEFAULT_EXCLUDE, discover

FLASK = ("app.py", "ctx.py", "globals.py", "signals.py")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*paths: str) -> None:
    """Make files with their folders; a path that ends with a slash is a folder."""
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def ignore(*lines: str, at: str = ".gitignore") -> None:
    make(at)
    Path(at).write_text("\n".join(lines))


def found(*paths: str, exclude=DEFAULT_EXCLUDE, gitignore=True, root=".") -> list[str]:
    files, errors = discover(paths or (".",), exclude=exclude, gitignore=gitignore, root=root)
    assert errors == []
    return files


def failed(*paths: str) -> list[str]:
    return [str(error) for error in discover(paths, exclude=DEFAULT_EXCLUDE, gitignore=True)[1]]


def test_python_files_come_sorted_and_nothing_else_comes():
    make("b.py", "a/z.py", "a/b/c.py", "a.py", "x.pyi", "x.pyc", "x.txt", "py", "a/.hidden.py")
    assert found() == ["a.py", "a/.hidden.py", "a/b/c.py", "a/z.py", "b.py"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".", "src/a.py"),
        ("./", "src/a.py"),
        ("src", "src/a.py"),
        ("src/", "src/a.py"),
        ("./src//.", "src/a.py"),
        ("src/../src", "src/../src/a.py"),
        ("./src/a.py", "src/a.py"),
    ],
)
def test_paths_are_as_the_user_writes_them(path, expected):
    make("src/a.py")
    assert found(path) == [expected]


def test_absolute_and_upward_paths_stay_so(project: Path, monkeypatch: pytest.MonkeyPatch):
    make("src/a.py", "deep/folder/x")
    assert found(str(project)) == [f"{project}/src/a.py"]
    monkeypatch.chdir("deep/folder")
    assert found("../../src") == ["../../src/a.py"]


def test_a_file_comes_once_whatever_leads_to_it(project: Path):
    make("src/a.py", "src/b.py")
    Path("link").symlink_to("src")
    assert found("src/b.py", "src", ".", str(project), "link", "src/b.py") == [
        "src/a.py",
        "src/b.py",
    ]


def test_a_file_that_is_named_is_taken_even_if_ignored_or_not_called_py():
    make("build/a.py", "script")
    ignore("build/", "script")
    assert found("build/a.py", "script") == ["build/a.py", "script"]


def test_a_folder_that_is_named_is_walked_even_if_left_out_otherwise():
    make(".git/HEAD", "build/a.py", "venv/pyvenv.cfg", "venv/b.py", "build/ignored.py")
    ignore("build/")
    ignore("ignored.py", at="build/.gitignore")
    assert found("build", "venv") == ["build/a.py", "venv/b.py"]
    assert found() == []


@pytest.mark.parametrize(
    "folder",
    [*DEFAULT_EXCLUDE, "deep/.venv/lib"],
)
def test_folders_that_are_left_out_by_default(folder):
    make(f"{folder}/a.py", "kept.py")
    assert found() == ["kept.py"]


@pytest.mark.parametrize(
    "mark", ["pyvenv.cfg", "conda-meta/history", "requests-2.0.dist-info/RECORD"]
)
def test_environments_and_folders_that_packages_were_installed_into_are_left_out(mark):
    make(f"odd/{mark}", "odd/lib/a.py", "odd/b.py", "lib/kept.py")
    assert found() == ["lib/kept.py"]
    assert found(exclude=()) == ["lib/kept.py"]


@pytest.mark.parametrize("place", ["libs/flask", "flask", "src/flask", "a/b/flask"])
def test_a_copy_of_flask_is_left_out(place):
    make("kept.py", *(f"{place}/{name}" for name in FLASK))
    Path("pyproject.toml").write_text('[project]\nname = "my-flask"\n')
    assert found() == ["kept.py"]
    assert len(found(place)) == 4


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "Flask"\n'),
        ("setup.cfg", "[metadata]\nname = Flask\n"),
        ("setup.py", "setup(\n    name='flask',\n)\n"),
    ],
)
@pytest.mark.parametrize("place", ["flask", "src/flask"])
def test_flask_itself_is_taken(place, file, text):
    make(*(f"{place}/{name}" for name in FLASK))
    Path(file).write_text(text)
    assert found() == sorted(
        [f"{place}/{name}" for name in FLASK] + ["setup.py"] * (file == "setup.py")
    )


def test_a_package_that_is_only_called_flask_is_taken():
    make("flask/app.py", "flask/views.py")
    assert found() == ["flask/app.py", "flask/views.py"]


def test_exclude_patterns_are_relative_to_the_root(project: Path, monkeypatch: pytest.MonkeyPatch):
    make("app/gen/a.py", "app/b.py", "app/b_pb2.py", "lib/app/gen/c.py")
    exclude = ("/app/gen", "*_pb2.py")
    assert found(exclude=exclude) == ["app/b.py", "lib/app/gen/c.py"]
    assert found("app", exclude=exclude) == ["app/b.py"]
    assert found(str(project / "app"), exclude=exclude) == [f"{project}/app/b.py"]
    monkeypatch.chdir("app")
    assert found(exclude=exclude, root="..") == ["b.py"]
    assert found(exclude=exclude) == ["b.py", "gen/a.py"]
    assert found("../lib", exclude=("/app/gen",)) == []


def test_a_later_exclude_pattern_takes_an_earlier_one_back():
    make("build/a.py", "dist/b.py")
    assert found(exclude=(*DEFAULT_EXCLUDE, "!build")) == ["build/a.py"]


def test_gitignore_files_hold_where_they_are_and_below():
    make("a.py", "x/a.py", "x/b.py", "x/y/b.py", "x/y/c.py")
    ignore("/a.py", "c.py")
    ignore("b.py", "!/y/b.py", at="x/.gitignore")
    assert found() == ["x/a.py", "x/y/b.py"]
    assert found(gitignore=False) == ["a.py", "x/a.py", "x/b.py", "x/y/b.py", "x/y/c.py"]


def test_gitignore_files_above_count_up_to_the_repository_only():
    make("repo/.git/info/exclude", "repo/src/pkg/a.py", "repo/src/pkg/b.py", "repo/src/pkg/c.py")
    make("repo/src/pkg/d.py", "repo/src/pkg/e.py")
    ignore("*.py")
    ignore("a.py", "e.py", at="repo/.gitignore")
    ignore("/pkg/b.py", "!e.py", at="repo/src/.gitignore")
    ignore("c.py", at="repo/.git/info/exclude")
    assert found("repo/src/pkg") == ["repo/src/pkg/d.py", "repo/src/pkg/e.py"]


def test_without_a_repository_files_above_do_not_count():
    make("src/a.py")
    ignore("a.py")
    assert found("src") == ["src/a.py"]


def test_links_to_folders_are_not_followed():
    make("src/a.py", "elsewhere/b.py")
    Path("src/link").symlink_to("../elsewhere")
    Path("src/link.py").symlink_to("../elsewhere")
    Path("src/loop").symlink_to(".")
    assert found("src") == ["src/a.py"]
    assert found("src/link") == ["src/link/b.py"]


def test_a_linked_file_counts_only_below_the_paths_and_once():
    make("src/a.py", "src/tool", "src/build/b.py", "elsewhere/c.py", "elsewhere/script")
    for link, target in {
        "alias.py": "a.py",
        "tool.py": "tool",
        "tool2.py": "tool",
        "left_out.py": "build/b.py",
        "outside.py": "../elsewhere/c.py",
        "outside2.py": "../elsewhere/script",
    }.items():
        Path("src", link).symlink_to(target)
    assert len(found("src")) == 2
    assert found("src")[0] == "src/a.py"
    assert found("src")[1] in ("src/tool.py", "src/tool2.py")
    assert found("src/outside.py") == ["src/outside.py"]


def test_a_folder_that_is_called_py_is_walked():
    make("pkg.py/a.py", "pkg.py/b.txt")
    assert found() == ["pkg.py/a.py"]


def test_a_lock_of_an_editor_is_no_broken_link():
    make("a.py")
    Path(".#a.py").symlink_to("someone@host.1234")
    assert found() == ["a.py"]


def test_what_cannot_be_looked_at_is_named_once_and_the_rest_goes_on():
    make("src/a.py")
    os.mkfifo("src/pipe.py")
    os.mkfifo("src/pipe")
    Path("src/piped.py").symlink_to("pipe")
    files, errors = discover(["gone", "src", ".", "src/pipe"], exclude=(), gitignore=True)
    assert files == ["src/a.py"]
    assert [str(error) for error in errors] == [
        "gone: cannot read: No such file or directory",
        "src/pipe: cannot read: a FIFO, not a regular file",
        "src/pipe.py: cannot read: a FIFO, not a regular file",
        "src/piped.py: cannot read: a FIFO, not a regular file",
    ]


def test_a_gitignore_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch):
    make("a.py")
    ignore("b.py")
    real = os.open

    def deny(path, *rest, **options):
        if str(path).endswith(".gitignore"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", deny)
    assert failed(".") == [".gitignore: cannot read: Permission denied"]


def test_patterns_that_are_not_valid_match_nothing_and_pass_in_silence(
    recwarn: pytest.WarningsRecorder,
):
    make("a.py", "b.py", "z.py")
    ignore("a.py\\", "[z-a].py", "[[:alpha:]].py", "b.py")
    assert found() == ["a.py", "z.py"]
    assert recwarn.list == []


@pytest.mark.parametrize(
    ("pattern", "is_imported"),
    [(None, False), ("# *.txt", False), ("venv/", False), ("!/a/b", False), ("*.txt", True)],
)
def test_plain_patterns_do_not_import_pathspec(pattern, is_imported):
    make("a.py")
    if pattern:
        ignore(pattern)
    code = (
        "import sys; from flask_ctxfix.discovery import DEFAULT_EXCLUDE, discover\n"
        "print(discover(['.'], exclude=DEFAULT_EXCLUDE, gitignore=True), 'pathspec' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == f"(['a.py'], []) {is_imported}\n", result.stderr


def test_names_that_are_not_utf8_come_through():
    Path(os.fsdecode(b"caf\xe9.py")).touch()
    Path(os.fsdecode(b"\xff.py")).touch()
    Path(".gitignore").write_bytes(b"\xef\xbb\xbf\xff.py\r\n")
    assert found() == [os.fsdecode(b"caf\xe9.py")]


NAMES = ("a", "b", "ab", "a.b", "c d", "[x]", ".h", "!n", "#c", "z-")
# Left out is what pathspec and git read differently: "**" beside other characters, an escaped
# slash, a bracket that is not closed; in brackets, backslashes, ranges that hold nothing, classes
# such as [:alpha:] and what can stand for a slash.
ATOMS = (
    *("a", "b", "ab", "*", "?", ".h", "c d", "c\\ d", "z-", "a.b", "*.py", "a.py"),
    *("[ab]", "[!a]", "[^b]", "[a-c]", "[]x]", "[!]]", "[-z]", "[a-]"),
    *("\\[x\\]", "\\!n", "\\#c", ".py", "!n", "#c"),
)
NAMED = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=2).map("".join)
SEGMENTS = NAMED.filter(lambda glob: "**" not in glob) | st.just("**")
GLOBS = st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join)
LINES = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(("", "", "!")),
    st.sampled_from(("", "", "/")),
    GLOBS,
    st.sampled_from(("", "", "/")),
    st.sampled_from(("", "", "  ", "\r")),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is what this is compared with")
    folder = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    for above in ("", *(f"{name}/" for name in NAMES), "a/b/", "ab/a/", "[x]/a.b/"):
        (folder / above).mkdir(exist_ok=True, parents=True)
        for name in NAMES:
            (folder / above / f"{name}.py").touch()
    return folder


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(LINES, max_size=5), st.lists(LINES, max_size=3))
@example(["/", "!", "!/", "a", "b\\"], ["", "#a"])
@example(["*", "!*/", "!a.py"], ["a/**", "!a/**/", "!b/"])
def test_git_ignores_the_same_files(repository: Path, top, nested):
    (repository / ".gitignore").write_bytes("\n".join(["# a comment", "", *top]).encode())
    (repository / "a/.gitignore").write_bytes("\n".join(nested).encode())
    command = ["git", "-c", "core.excludesFile=", "ls-files", "-oz", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    os.chdir(repository)
    expected = sorted(path for path in listed.stdout.split("\0") if path.endswith(".py"))
    assert found(exclude=[".git"]) == expected
