import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flask_ctxfix import engine, reports
from flask_ctxfix.cli import _is_coloured, main
from flask_ctxfix.codemod import Codemod
from flask_ctxfix.outcome import Outcome
from flask_ctxfix.settings import Settings

Write = Callable[[dict[str, str | bytes]], None]

OLD = "from flask import _request_ctx_stack\n\n\ndef f():\n    return _request_ctx_stack.top\n"


def _run(*args: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, args, input=stdin)


def _python(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True)


# --- exit status and streams ---------------------------------------------------------------


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("text", "args", "status"),
    [
        ("x = 1\n", [], 0),
        ("import flask\n", [], 0),
        ("import flask\n", ["--diff"], 0),
        ("import flask\n", ["--apply"], 0),
        ("import flask\nold\n", [], 1),
        ("import flask\nold\n", ["--diff"], 1),
        ("import flask\nold\n", ["--apply"], 0),
        ("import flask\n[old, manual]\n", ["--apply"], 1),
        ("import flask\nmanual\n", ["--diff"], 1),
        ("import flask\nmanual\n", ["--diff", "--exit-zero"], 0),
        ("import flask\nold\n", ["--exit-zero"], 0),
        ("import flask\nold\n", ["--select", "TOY102,TOY103"], 0),
        ("import flask\nold\n", ["--ignore", "TOY1", "--ignore=TOY2"], 0),
        ("import flask\nold\n", ["--exclude", "*.py"], 0),
        ("import flask\nold\n", ["--extend-exclude", "a.py,b.py"], 0),
        ("import flask\nold(\n", ["--exit-zero"], 2),
        ("import flask\nstays\n", ["--apply"], 1),
        ("import flask\n", ["--diff", "--apply"], 2),
        ("import flask\n", ["--select", "XYZ"], 2),
        ("x = 1\n", ["--select", "XYZ"], 2),
        ("import flask\n", ["--target-version", "1.0"], 2),
        ("import flask\n", ["--output-format", "xml"], 2),
        ("import flask\n", ["--thread-fix", "copy"], 2),
        ("import flask\n", ["missing"], 2),
        ("import flask\n", ["-", "a.py"], 2),
    ],
)
def test_exit_status(tree: Write, text: str, args: list[str], status: int) -> None:
    tree({"a.py": text})
    result = _run(*args)
    assert result.exit_code == status
    if status == 2:
        assert result.stderr.strip()


@pytest.mark.usefixtures("toy")
def test_stdout_holds_findings_or_diff_only(tree: Write) -> None:
    tree({"a.py": "import flask\nold\n", "b.py": "import flask, old(\n"})
    result = _run("--output-format", "concise")
    assert result.stdout == "a.py:2:1: TOY101 [*] error: `old` is old\n"
    assert "error: b.py:1: cannot parse" in result.stderr
    assert "1 finding in 1 of 2 files, 1 fixable" in result.stderr
    result = _run("--diff", "-q")
    assert result.stdout.startswith("diff --git a/a.py b/a.py\n")
    assert result.stdout.endswith("-old\n+new\n")
    assert result.stderr.startswith("error: b.py:1: cannot parse")
    assert result.stderr.count("\n") == 1
    assert _run("--quiet", "--output-format=json", "--select=TOY102").stdout == "[]\n"


@pytest.mark.usefixtures("toy")
def test_settings_come_from_the_configuration_too(tree: Write) -> None:
    config = '[tool.flask-ctxfix]\npaths = ["src"]\noutput-format = "concise"\n'
    tree({"pyproject.toml": config, "src/a.py": "import flask\nold\n", "b.py": "old\n"})
    assert _run().stdout == "src/a.py:2:1: TOY101 [*] error: `old` is old\n"
    assert "src/a.py" not in _run("b.py").stdout
    tree({"pyproject.toml": "[tool.flask-ctxfix]\nwrong = 1\n"})
    result = _run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: pyproject.toml:2: wrong: unknown setting")


@pytest.mark.usefixtures("toy")
def test_options_reach_the_engine(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[Settings] = []

    def run(settings: Settings, *args: object, **kwargs: object) -> Outcome:
        reached.append(settings)
        return Outcome("list")

    monkeypatch.setattr(engine, "run", run)
    tree({"pyproject.toml": "[tool.flask-ctxfix]\nthread-fix = 'values'\n"})
    for args in ([], ["--thread-fix=wrap"], ["--thread-fix", "values"]):
        _run(*args)
    assert [settings.thread_fix for settings in reached] == ["values", "wrap", "values"]


@pytest.mark.usefixtures("toy")
def test_gitignore_can_be_ignored(tree: Write) -> None:
    tree({".git/x": "", ".gitignore": "a.py\n", "a.py": "import flask\nold\n"})
    assert _run().exit_code == 0
    assert _run("--no-gitignore").exit_code == 1


@pytest.mark.usefixtures("toy")
def test_colour(tree: Write) -> None:
    tree({"a.py": "import flask\nold\n"})
    assert "\x1b[" not in _run().stdout
    assert "\x1b[" in _run("--color=always").stdout


def test_colour_is_for_terminals_and_follows_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert _is_coloured("auto")
    assert not _is_coloured("never")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not _is_coloured("auto")
    assert _is_coloured("always")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not _is_coloured("auto")


@pytest.mark.usefixtures("toy")
def test_undo(tree: Write) -> None:
    tree({"a.py": "import flask\nold\n", "b.py": "import a\nold\n"})
    assert _run("--apply").exit_code == 0
    Path("b.py").write_text("mine\n")
    result = _run("--undo")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {Path.cwd()}/b.py: cannot undo: it has changed since ")
    assert "1 file restored." in result.stderr
    assert Path("a.py").read_text() == "import flask\nold\n"
    assert Path("b.py").read_text() == "mine\n"


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("mark", [".git/HEAD", "setup.py", "pyproject.toml"])
@pytest.mark.parametrize(
    ("applied_in", "applied", "undone_in", "undone"),
    [
        ("project", [], "project/src/pkg", []),
        ("project/src/pkg", ["../a.py", "."], "project", []),
        ("project/src", [], "project/tests", []),
        (".", ["project/src"], ".", ["project"]),
        (".", ["project/src"], "project/tests", []),
    ],
)
def test_undo_works_anywhere_in_the_project(
    tree: Write,
    monkeypatch: pytest.MonkeyPatch,
    mark: str,
    applied_in: str,
    applied: list[str],
    undone_in: str,
    undone: list[str],
) -> None:
    files = {"src/a.py": "import flask\nold\n", "src/pkg/b.py": "import flask\nold\n"}
    tree({f"project/{path}": text for path, text in files.items()})
    tree({f"project/{mark}": "", "project/tests/x": ""})
    top = Path.cwd()
    monkeypatch.chdir(applied_in)
    result = _run("--apply", *applied)
    hint = "--undo project" if applied_in == "." else "--undo"
    assert f"To take it back: flask-ctxfix {hint}\n" in result.stderr
    assert {(top / "project" / path).read_text() for path in files} == {"import flask\nnew\n"}
    monkeypatch.chdir(top / undone_in)
    result = _run("--undo", *undone)
    assert (result.exit_code, result.stderr) == (0, "2 files restored.\n")
    assert {path: (top / "project" / path).read_text() for path in files} == files


@pytest.mark.usefixtures("toy")
def test_projects_do_not_undo_each_other(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "[tool.flask-ctxfix]\n"
    tree({"one/pyproject.toml": table, "one/a.py": "import flask\nold\n"})
    tree({"two/pyproject.toml": table})
    assert _run("--apply", "one").exit_code == 0
    result = _run("--undo", "two")
    assert (result.exit_code, Path("one/a.py").read_text()) == (2, "import flask\nnew\n")
    assert f"error: {Path.cwd()}/two: nothing to undo" in result.stderr


@pytest.mark.usefixtures("toy")
def test_tracebacks_only_if_asked_for(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"a.py": "import flask\ncrash\n"})
    assert "Traceback" not in _run().stderr
    assert "Traceback" in _run("--verbose").stderr

    def fail(*args: object, **kwargs: object) -> Outcome:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(engine, "run", fail)
    result = _run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: internal error: RuntimeError: two lines (--verbose shows the traceback)\n"
    )
    assert isinstance(_run("-v").exception, RuntimeError)


def test_interrupted_runs_say_so(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome("list")
    outcome.is_interrupted = True
    monkeypatch.setattr(engine, "run", lambda *a, **k: outcome)
    result = _run()
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted:")


def test_interrupts_outside_of_the_engine(tree: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: object, **kwargs: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "render", interrupt)
    assert _run().exit_code == 130


@pytest.mark.parametrize("wait", [0.0, 0.5])  # when processes start, and when they work
def test_ctrl_c_ends_all_at_once(tree: Write, wait: float) -> None:
    text = OLD * 200 + "# so much that processes share it\n" * 3_000
    tree({f"m{number:02}.py": text for number in range(40)})
    command = [sys.executable, "-m", "flask_ctxfix", "--apply"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert errors.startswith("Interrupted:")
    assert "Traceback" not in errors
    assert all(path.read_text() == text for path in Path().glob("*.py"))


def test_a_reader_that_leaves(tree: Write) -> None:
    tree({"a.py": OLD})
    command = f"{sys.executable} -m flask_ctxfix --output-format json | head -c 0"
    result = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr


# --- rules ---------------------------------------------------------------------------------


def test_rules_are_listed_and_explained(toy: Codemod) -> None:
    lines = _run("--list-rules").stdout.splitlines()
    assert len(lines) == len(toy.rules)
    assert lines[0] == "TOY101  old-old       a name is old"
    explained = _run("--explain", "toy101").stdout
    assert explained == "TOY101 old-old\n\nA name is old.\n\nWhat it finds\n\nThe name.\n"
    result = _run("--explain", "TOY9")
    assert result.exit_code == 2
    assert result.stderr == 'error: --explain: unknown rule "TOY9"; see --list-rules\n'


def test_our_own_rules_come_by_the_entry_point() -> None:
    assert "CTX401" in _run("--list-rules").stdout
    assert "How it fails" in _run("--explain", "CTX401").stdout


# --- stdin ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("toy")
def test_stdin(tree: Write) -> None:
    text = "import flask\r\nx = [old, 'é']".encode()
    result = _run("-", "--stdin-filename", "src/a.py", stdin=text)
    assert result.stdout.startswith("src/a.py:2:6: TOY101")
    assert result.exit_code == 1
    result = _run("-", "--diff", "--stdin-filename", "src/a.py", stdin=text)
    assert b"--- a/src/a.py\n+++ b/src/a.py\n" in result.stdout_bytes
    result = _run("-", "--apply", stdin=text)
    assert result.stdout_bytes == text.replace(b"old", b"new")
    assert result.exit_code == 0
    assert not Path("src").exists()


@pytest.mark.usefixtures("toy")
def test_stdin_comes_back_as_it_is_where_nothing_can_be_done(tree: Write) -> None:
    for text, status in ((b"x = 1\n", 0), (b"import flask\nold(\n", 2)):
        result = _run("-", "--apply", stdin=text)
        assert (result.stdout_bytes, result.exit_code) == (text, status)
    result = _run("-", "--apply", stdin=b"flask \xff")
    assert (result.stdout_bytes, result.exit_code) == (b"flask \xff", 2)
    assert result.stderr.startswith("error: -:1: cannot decode: byte 0xff")


# --- python -m and imports -----------------------------------------------------------------


def test_python_m_in_a_folder_that_has_codemods_of_its_own(tree: Write) -> None:
    tree(
        {
            "codemods/__init__.py": "raise SystemExit('the wrong codemods')\n",
            "codemods/removed_apis/__init__.py": "raise SystemExit('the wrong codemods')\n",
            "a.py": OLD,
        }
    )
    result = _python("-m", "flask_ctxfix", "--output-format=concise", "a.py")
    assert result.returncode == 1
    assert {line.split()[1] for line in result.stdout.splitlines()} == {"CTX401"}


def test_a_process_writes_all_before_it_ends(tree: Write) -> None:
    tree({"a.py": "from flask import _request_ctx_stack\n" + "_request_ctx_stack.top\n" * 2_000})
    arguments = ("-m", "flask_ctxfix", "--output-format=concise", ".")
    result = _python(*arguments)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2_001
    assert result.stderr.splitlines()[0].startswith("2001 findings in 1 file")
    assert _python("-m", "flask_ctxfix", "--nothing").returncode == 2


def test_a_reader_that_goes_away(tree: Write) -> None:
    tree({"a.py": "from flask import _request_ctx_stack\n" + "_request_ctx_stack.top\n" * 2_000})
    command = [sys.executable, "-m", "flask_ctxfix", "--output-format=concise", "-q", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode != 0


def test_a_small_application_costs_no_more_imports_than_it_concerns(tree: Write) -> None:
    tree({"a.py": "# a thread, a job, celery\nfrom flask import request\nrequest.args\n"})
    code = (
        "import sys\nfrom flask_ctxfix.cli import main\n"
        "try:\n    main([])\nfinally:\n    print(*sys.modules)"
    )
    imported = {*_python("-c", code).stdout.split()}
    assert "flask_ctxfix.codemods.stored_requests.rules" in imported
    others = (f"flask_ctxfix.codemods.{name}.rules" for name in ("jobs", "removed_apis", "threads"))
    assert not imported & {*others, "concurrent.futures", "importlib.metadata", "libcst"}


def test_a_tree_without_flask_costs_no_imports(tree: Write) -> None:
    tree({"a.py": "x = 1\n", "pyproject.toml": "[project]\n"})
    code = (
        "import sys\nfrom flask_ctxfix.cli import main\n"
        "try:\n    main([])\nfinally:\n    print(*sys.modules)"
    )
    result = _python("-c", code)
    assert "No findings in 1 file." in result.stderr
    heavy = {
        "libcst",
        "concurrent.futures",
        "multiprocessing",
        "importlib.metadata",
        "tomllib",
        "tomli",
        "flask_ctxfix.toml",
        "json",
        "difflib",
        "pathspec",
        "platformdirs",
        "flask_ctxfix.project",
        "flask_ctxfix.codemods",
        "flask",
    }
    assert heavy & set(result.stdout.split()) == set()


# --- git apply -----------------------------------------------------------------------------

_LINES = (
    "x = 'é €'",
    "# a comment   ",
    "\tif_tab = 1"[1:],
    "def f():\n    return old",
    "[old,\n  old]  # twice",
    "if x:\n\told; y = 1",
    "'''\nold\n'''",
    "",
    "print(old, 'ü')",
)
_NAMES = st.text(st.sampled_from("ab é\"'\\\t&;-~$%\udcff"), min_size=1, max_size=6).filter(
    lambda name: name.strip(" ") == name
)


@st.composite
def _files(draw: st.DrawFn) -> dict[str, bytes]:
    names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique=True))
    return {f"{name}.py": draw(_contents()) for name in names}


@st.composite
def _contents(draw: st.DrawFn) -> bytes:
    encoding = draw(st.sampled_from(("utf-8", "utf-8-sig", "latin-1")))
    cookie = "# coding: latin-1\n" if encoding == "latin-1" else ""
    lines = draw(st.lists(st.sampled_from(_LINES), min_size=1, max_size=12))
    text = cookie + "import flask\n" + "\n".join(lines)
    text = text.replace("€", "") if cookie else text
    newlines = st.sampled_from(draw(st.sampled_from((("\n",), ("\r\n",), ("\n", "\r\n")))))
    pieces = [line + draw(newlines) for line in text.split("\n")]
    whole = "".join(pieces)
    return (whole if draw(st.booleans()) else whole.rstrip("\r\n")).encode(encoding)


@contextlib.contextmanager
def _folder(files: dict[str, bytes]) -> Iterator[Path]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, data in files.items():
                Path(name).write_bytes(data)
            yield Path(folder)
        finally:
            os.chdir(before)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("toy", "tree")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=_files())
def test_git_apply_of_the_diff_gives_the_bytes_of_apply(files: dict[str, bytes]) -> None:
    with _folder(files) as folder:
        diff = _run("--diff")
        assert _bytes(folder) == files
        if diff.stdout_bytes:
            subprocess.run(["git", "apply"], input=diff.stdout_bytes, check=True)
        by_git = _bytes(folder)
    with _folder(files) as folder:
        applied = _run("--apply")
        assert _bytes(folder) == by_git
        assert applied.exit_code == 0, applied.stderr
        again = _run("--apply")
        assert (again.stdout, again.exit_code) == ("", 0)
        assert _bytes(folder) == by_git
    assert diff.exit_code == int(by_git != files), diff.stderr


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("mode", ["--diff", "--apply"])
def test_a_refused_fix_is_one_line(tree: Write, mode: str) -> None:
    tree({"a.py": "import flask\nold\nstays\n[stays, worse]\n"})
    result = _run(mode)
    assert result.exit_code == 1
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert warnings == [
        "warning: a.py:3: TOY201: no automatic fix (nor for 1 more below): "
        "the fix would not remove the finding: TOY201 `stays` is old",
        "warning: a.py:4: TOY202: no automatic fix: the fix would cause another finding: "
        "TOY104 `manual` is old",
    ]
    if mode == "--apply":
        assert "[*]" not in result.stdout
        assert Path("a.py").read_text() == "import flask\nnew\nstays\n[stays, worse]\n"
    else:
        assert "+new" in result.stdout
