"""The command on what is bad: one line for each bad file, all else done, and every file whole."""

import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flask_ctxfix.cli import main
from tests.test_bad_input import small_disk

Write = Callable[[dict[str, str | bytes]], None]

OLD = """\
from flask import _request_ctx_stack


def f():
    return _request_ctx_stack.top.request
"""
NEW = """\
from flask import request


def f():
    return request._get_current_object()
"""
COMMAND = (sys.executable, "-m", "flask_ctxfix")

# --- one tree with everything that can be wrong with a file --------------------------------

NEWER_SYNTAX = {
    (3, 11): "try:\n    f()\nexcept* ValueError:\n    pass\n",
    (3, 12): "type Name = str\n",
    (3, 13): "def g[T = str](a: T): ...\n",
    (3, 14): "a = t'{f()}'\n",
}
# What they hold comes after `OLD`, so that all of them are worth parsing.
UNPARSABLE = {
    "python2.py": ("print 'a'\n", r":6: cannot parse: Missing parentheses in call to 'print'\. .*"),
    "syntax.py": ("a = (\n", r":6: cannot parse: '\(' was never closed"),
    "quotes.py": (
        "a = f'{len('a')}'; b = 1 +\n",
        r":6: cannot parse: "
        + (r"f-string: .* \(Python 3\.12 .*" if sys.version_info < (3, 12) else "invalid syntax"),
    ),
    "nul.py": ("a = '\0'\n", r":6: cannot read: it contains a NUL byte, .*"),
    "nested.py": (
        f"a = {'(' * 1_000}{')' * 1_000}\n",
        r":6: cannot parse: too many nested parentheses",
    ),
    "sum.py": (
        f"a = {' + '.join(['1'] * 20_000)}\n",
        r": cannot (parse|analyse): nested too deeply",
    ),
    **{
        f"needs_{major}_{minor}.py": (
            text,
            rf":\d+: cannot parse: run flask-ctxfix on Python {major}\.{minor} or newer .*",
        )
        for (major, minor), text in NEWER_SYNTAX.items()
        if sys.version_info < (major, minor)
    },
}
UNREADABLE = {
    **{path: said for path, (_, said) in UNPARSABLE.items()},
    "utf8.py": r":6: cannot decode: byte 0xe9 is not valid UTF-8, and it declares .*",
    "cookie.py": r':1: cannot decode: "klingon" is not an encoding of Python source',
    "secret.py": r": cannot read: Permission denied",
    "dangling.py": r": cannot follow the symbolic link: No such file or directory",
    "one.py": r": cannot follow the symbolic link: Too many levels of symbolic links",
    "two.py": r": cannot follow the symbolic link: Too many levels of symbolic links",
    "pipe.py": r": cannot read: a FIFO, not a regular file",
    "missing.py": r": cannot read: No such file or directory",
    "gone.py": r": cannot read: No such file or directory",
    "gone_later.py": r": cannot read: No such file or directory",
}
UNWRITABLE = {
    "read_only.py": r": cannot write: Permission denied",
    "locked/a.py": r": cannot write: Permission denied",
}
FIXED = {"good.py", "long.py"}
# The command, with files that go after they were listed, and after they were found to matter.
LOSING_FILES = """
from pathlib import Path
from flask_ctxfix import cli, engine, reach

def losing(name, function):
    def lose(*arguments, **options):
        result = function(*arguments, **options)
        Path(name).unlink(missing_ok=True)
        return result
    return lose

engine.discover = losing("gone.py", engine.discover)
reach.files_that_matter = losing("gone_later.py", reach.files_that_matter)
cli.main()
"""


@pytest.fixture
def bad_tree(tree: Write) -> Iterator[Path]:
    tree({path: OLD + text for path, (text, _) in UNPARSABLE.items()})
    tree(dict.fromkeys(("good.py", "gone.py", "gone_later.py", "secret.py", *UNWRITABLE), OLD))
    use = "a = [_request_ctx_stack.top, '_request_ctx_stack "
    line = f"from flask import _request_ctx_stack; {use}{'-' * 2_000_000}']"
    tree({"utf8.py": OLD.encode() + b"# caf\xe9\n", "long.py": line, "empty.py": ""})
    tree({"cookie.py": f"# coding: klingon\n{OLD}"})
    Path("dangling.py").symlink_to("nowhere")
    Path("one.py").symlink_to("two.py")
    Path("two.py").symlink_to("one.py")
    os.mkfifo("pipe.py")
    Path("secret.py").chmod(0)
    Path("read_only.py").chmod(0o444)
    Path("locked").chmod(0o555)
    yield Path.cwd()
    Path("locked").chmod(0o755)


def _bound(*command: str) -> list[str]:
    """Return a command that permissions bind although root gives it."""
    if os.geteuid() != 0:
        return [*command]
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def _stamps() -> dict[str, tuple[int, int, int]]:
    """Return what tells each entry below the current folder from what might take its place."""
    entries = {str(path): path.lstat() for path in Path().rglob("*") if path.name != "locked"}
    return {
        path: (status.st_ino, status.st_size, status.st_mtime_ns)
        for path, status in entries.items()
    }


def _assert_one_line_each(stderr: str, expected: dict[str, str]) -> None:
    lines = stderr.splitlines()
    assert [line for line in lines if "Traceback" in line or "internal error" in line] == []
    for path, said in expected.items():
        about = [line for line in lines if line.startswith(f"error: {path}:")]
        assert len(about) == 1, (path, about)
        assert re.fullmatch(f"error: {re.escape(path)}{said}", about[0])
    assert len([line for line in lines if line.startswith("error: ")]) == len(expected), stderr
    assert f"{len(expected)} errors: see above." in lines


@pytest.mark.parametrize(
    ("mode", "errors", "changed"),
    [
        ([], UNREADABLE, set()),
        (["--diff"], UNREADABLE, set()),
        (["--apply"], UNREADABLE | UNWRITABLE, FIXED),
    ],
    ids=["list", "diff", "apply"],
)
def test_each_bad_file_costs_one_line(
    bad_tree: Path, mode: list[str], errors: dict[str, str], changed: set[str]
):
    before = _stamps()
    options = [*mode, "--output-format=concise", ".", "missing.py"]
    result = _run(*_bound(sys.executable, "-c", LOSING_FILES, *options))
    after = _stamps()
    _assert_one_line_each(result.stderr, errors)
    assert result.returncode == 2
    assert before.keys() - after.keys() == {"gone.py", "gone_later.py"}
    assert after.keys() <= before.keys()
    assert {path for path in after if after[path] != before[path]} == changed
    to_do = (FIXED | UNWRITABLE.keys()) - changed
    if mode == ["--diff"]:
        named = re.findall(r"^diff --git a/(\S+) b/\1$", result.stdout, re.MULTILINE)
        assert sorted(named) == sorted(to_do)
        assert result.stdout.startswith("diff --git ")
    else:
        named = [re.match(r"(\S+):\d+:\d+: CTX401 ", line) for line in result.stdout.splitlines()]
        assert all(named)
        assert {line[1] for line in named if line} == to_do
    if changed:
        assert Path("good.py").read_text() == NEW
        assert "'_request_ctx_stack ---" in Path("long.py").read_text()
        ast.parse(Path("long.py").read_text())


def test_a_full_disk_costs_one_line(tree: Write):
    tree({"good.py": OLD, "disk/x": ""})
    long = OLD + "#" * 40_000
    with small_disk(Path("disk").absolute()):
        tree({"disk/a.py": long})
        result = _run(*COMMAND, "--apply", "--output-format=concise")
        assert Path("disk/a.py").read_text() == long
        assert _names("disk") == ["a.py"]
    assert result.returncode == 2
    assert {line.split(":")[0] for line in result.stdout.splitlines()} == {"disk/a.py"}
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors == ["error: disk/a.py: cannot write: No space left on device"]
    assert Path("good.py").read_text() == NEW


@pytest.mark.parametrize("mode", ["--diff", "--apply"])
def test_what_is_too_deep_to_rewrite_costs_one_line(tree: Write, mode: str):
    deep = OLD + f"\na = {' + '.join(['_request_ctx_stack.top.a'] * 700)}\n"
    tree({"deep.py": deep, "good.py": OLD})
    result = _run(*COMMAND, mode, "-q")
    if "warning" in result.stderr:
        assert result.returncode == 1
        assert re.fullmatch(
            r"warning: deep\.py:7: CTX401: no automatic fix \(nor for 699 more below\): "
            r"the code is nested too deeply to be rewritten\n",
            result.stderr,
        )
    else:
        assert result.returncode == 2
        assert re.fullmatch(r"error: deep\.py: cannot \w+: nested too deeply\n", result.stderr)
    assert Path("deep.py").read_text().splitlines()[-1] == deep.splitlines()[-1]
    assert Path("good.py").read_text() == (NEW if mode == "--apply" else OLD)


# --- runs that end early -------------------------------------------------------------------

MANY = [f"m{number:03}.py" for number in range(100)]


@contextmanager
def _caught_writing(delay: float) -> Iterator[subprocess.Popen[str]]:
    """Give an --apply over many files, `delay` seconds after the first of them was written."""
    process = subprocess.Popen(
        [*COMMAND, "--apply"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        end = time.monotonic() + 60
        while Path(MANY[0]).read_text() == OLD:
            assert time.monotonic() < end
            time.sleep(0.001)
        time.sleep(delay)
        yield process


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _count_new() -> int:
    """Return how many files are new; the others are old, and none is anything else."""
    texts = [Path(path).read_text() for path in MANY]
    assert {*texts} <= {OLD, NEW}
    return texts.count(NEW)


def _assert_undone() -> None:
    result = _run(*COMMAND, "--undo")
    assert (result.returncode, result.stdout) == (0, "")
    assert _count_new() == 0


def test_a_killed_run_leaves_each_file_old_or_new(tree: Write):
    tree(dict.fromkeys(MANY, OLD))
    written = []
    for _ in range(5):
        with _caught_writing(random.uniform(0, 0.05)) as process:
            _signal(process, signal.SIGKILL)
            process.wait(timeout=20)
        written.append(_count_new())
        # A file that was about to replace another may be left, and is no Python file to anyone.
        assert len([*Path().glob(".flask-ctxfix-*")]) <= len(written)
        _assert_undone()
    assert any(0 < number < len(MANY) for number in written), written
    assert _run(*COMMAND, "--apply").returncode == 0
    assert _count_new() == len(MANY)


def test_an_interrupted_run_ends_at_once_and_leaves_whole_files(tree: Write):
    tree(dict.fromkeys(MANY, OLD))
    written = []
    for _ in range(3):
        with _caught_writing(random.uniform(0, 0.02)) as process:
            _signal(process, signal.SIGINT)
            sent = time.monotonic()
            _, stderr = process.communicate(timeout=20)
        assert time.monotonic() - sent < 2
        written.append(_count_new())
        assert _names(".") == MANY
        if process.returncode != 0:
            assert process.returncode == 130
            assert stderr.startswith("Interrupted:")
            assert "Traceback" not in stderr
        _assert_undone()
    assert any(0 < number < len(MANY) for number in written), written


def test_a_second_run_changes_nothing_and_undo_restores(tree: Write):
    tree(dict.fromkeys(MANY, OLD))
    assert _run(*COMMAND, "--apply").returncode == 0
    assert _count_new() == len(MANY)
    stamps = _stamps()
    again = _run(*COMMAND, "--apply")
    assert (again.returncode, again.stdout) == (0, "")
    assert _stamps() == stamps
    _assert_undone()


# --- any text around a use -----------------------------------------------------------------

_USES = st.sampled_from(
    (
        "_request_ctx_stack.top.request",
        "_app_ctx_stack.top.app",
        "_request_ctx_stack.top",
        "_request_ctx_stack.top is None",
        "_app_ctx_stack.top.a",
        "getattr(_request_ctx_stack.top, 'a', None)",
        "hasattr(_app_ctx_stack.top, 'a')",
        "_request_ctx_stack",
        "_request_ctx_stack.push(a)",
        "_request_ctx_stack.pop()",
        "a",
    )
)
_EXPRESSIONS = st.recursive(
    _USES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from((" or ", " and ", ", ", " is not ", ".")), inner).map(
            "".join
        ),
        st.tuples(
            st.sampled_from(
                (
                    "({})",
                    "not {}",
                    "(lambda: {})",
                    "[{} for a in b]",
                    "{{'é': {}}}",
                    "f'{{{}}}'",
                    "f'{{{}!r:>3}}' 'b'",
                    "a if {} else b",
                    "(a := {})",
                    "(await {})",
                    "(yield {})",
                    "'''\n{}\n'''",
                    "(  # é\n{}\n)",
                    "({}\\\n)",
                    "a({}, *b)",
                    "{} == None",
                )
            ),
            inner,
        ).map(lambda pair: pair[0].format(pair[1])),
    ),
    max_leaves=4,
)
_STATEMENTS = (
    "{}",
    "a = {}",
    "a = {}; b = a.a",
    "a = {}\n{indent}if a is None: return\n{indent}return a.request, a.b",
    "a: int = {}",
    "a += {}",
    "{}.a = {}",
    "del {}.a",
    "return {}",
    "assert {}, {}",
    "global a; a = {}",
    "try: a = {}",
    "# {}",
    "from flask import g, request_ctx",
    "import flask as f; f.{}",
)
_HEADERS = (
    "if {}:",
    "if {}:\n{indent} pass\n{indent}elif {}:",
    "if {}: a = {}\n{indent}else:",
    "while {}:",
    "for a in {}:",
    "with {} as a:",
    "try: a = {}\n{indent}except AttributeError:",
    "try:\n{indent} a = {}\n{indent}finally:",
    "def f(a={}):",
    "async def f():",
    "@a({})\n{indent}def f():",
    "class A(B, a={}):",
    "match {}:\n{indent} case a if {}:",
)


@st.composite
def _programs(draw: st.DrawFn) -> bytes:
    """Return what looks like a module and often is one."""
    start = draw(
        st.sampled_from(
            (
                "from flask import _request_ctx_stack, _app_ctx_stack",
                "from flask.globals import (\n    _app_ctx_stack,  # é\n    _request_ctx_stack,\n)",
                "try:\n    from flask import _app_ctx_stack, _request_ctx_stack\n"
                "except ImportError:\n    _app_ctx_stack = _request_ctx_stack = None",
                "'''é'''; import flask; from flask import *; _request_ctx_stack = flask."
                "_request_ctx_stack",
            )
        )
    )
    lines = [start]
    step = draw(st.sampled_from(("    ", "\t", " ")))
    depth = 0
    for _ in range(draw(st.integers(1, 8))):
        indent = step * depth
        is_header = draw(st.booleans())
        line = draw(st.sampled_from(_HEADERS if is_header else _STATEMENTS))
        holes = [draw(_EXPRESSIONS) for _ in range(line.count("{}"))]
        comment = draw(st.sampled_from(("", "", "  # é", "\f", ";")))
        lines.append(indent + line.format(*holes, indent=indent) + comment)
        depth = depth + 1 if is_header else draw(st.integers(0, depth))
    lines.append(step * depth + draw(st.sampled_from(("pass", "pass", "return", "("))))
    newline = draw(st.sampled_from(("\n", "\n", "\r\n", "\r")))
    end = draw(st.sampled_from(("", newline)))
    text = "\n".join(lines).replace("\n", newline) + end
    return text.encode(draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig"))))


def _is_module(data: bytes) -> bool:
    try:
        ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


@pytest.mark.usefixtures("tree")
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(program=_programs())
@example(
    b"try:\n    from flask import _request_ctx_stack\n"
    b"except ImportError:\n    _request_ctx_stack = None\n"
    b"with _request_ctx_stack.top.request as a:\n    pass"
)
def test_no_text_gives_a_traceback_or_a_file_that_does_not_parse(program: bytes):
    options = ["-", "--apply", "--unsafe-fixes", "--output-format=concise"]
    result = CliRunner().invoke(main, options, input=program)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "internal error" not in result.stderr
    assert "Traceback" not in result.stderr
    new = result.stdout_bytes
    if not _is_module(program):
        assert (new, result.exit_code) == (program, 2)
        return
    assert _is_module(new), new.decode()
    again = CliRunner().invoke(main, options, input=new)
    assert again.stdout_bytes == new
