"""New code is broken into lines as long as the project has them, as its formatter would."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_ctxfix.cli import main
from flask_ctxfix.formatting import broken
from flask_ctxfix.line_lengths import line_length_in
from tests.conftest import Write

LINES = [
    "futures = [pool.submit(copy_current_request_context(cost), shop, item) for shop, item in all]",
    'guest = LocalProxy(lambda: getattr(request_ctx, "guest", None) if is_open() else None)',
    'guest = getattr(request_ctx, "guest", None) if has_request_context() and is_open() else None',
    "from flask import Flask, copy_current_request_context, current_app, has_request_context",
    "Thread(target=copy_current_request_context(work), args=(one, two, three, four, five)).start()",
    "return isinstance(request_ctx._get_current_object() if is_in_a_request() else None, (A, B))",
    'shop.names["of a customer"] = request_ctx.customer.full_name or request_ctx.customer.mail',
    "print(first_of_all_values, second_of_all_values, third_of_all, *further_values, end=1)",
]
HEADERS = [
    "if has_request_context() and request_ctx.somebody_is_here and request_ctx.something_else:",
    "with app.test_request_context(path_of_the_request, base_url=address, method=method):",
    "for name in sorted(getattr(request_ctx, names_that_are_known) | names_of_others(everybody)):",
    "def look_up(self, customer: Customer, shop: Shop, item: Item, *, day: Day, more: bool):",
]
BODIES = [*LINES, *(f"{header}\n    pass" for header in HEADERS)]


@pytest.mark.parametrize(
    ("code", "length"), [*((each, 79) for each in BODIES), *((each, 60) for each in BODIES[1:])]
)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_lines_are_broken_as_ruff_does(code: str, length: int, depth: int) -> None:
    headers = [f"{'    ' * level}def f{level}():\n" for level in range(depth)]
    lines = (f"{'    ' * depth}{line}\n" for line in code.splitlines())
    piece = "".join(lines)
    new = "".join(headers) + broken("", piece, length)
    assert new == _formatted("".join(headers) + piece, length)


@pytest.mark.parametrize(
    "code",
    [
        "print(first_of_all, second_of_all)  # what they are",
        "print(first_of_all); print(second_of_all)",
        'print("""\nfirst_of_all, second_of_all, third_of_all""")',
        "first_of_all_that_there_are = second_of_all_that_there_are",
        "if first_of_all: print(second_of_all, third_of_all)",
        "print(",
        "'",
    ],
)
def test_what_stays_as_it_is(code: str) -> None:
    assert broken("", f"    {code}\n", 30) == f"    {code}\n"


def test_lines_that_were_there_stay() -> None:
    old = "print(first_of_all, second_of_all)\n"
    new = old + "print(first_of_all, second_of_all, third_of_all)\n"
    assert broken(old, new, 30) == new
    assert broken("", new, 30).count("\n") > new.count("\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_newlines_and_tabs_are_those_of_the_file(newline: str) -> None:
    new = f"\tprint(first_of_all, second_of_all){newline}"
    lines = ["\tprint(", "\t\tfirst_of_all, second_of_all", "\t)", ""]
    assert broken("", new, 31) == newline.join(lines)


@settings(deadline=None)
@given(st.text(), st.text(), st.integers(1, 100))
def test_nothing_is_lost_of_random_text(old: str, new: str, length: int) -> None:
    assert "".join(broken(old, new, length).split()).replace(",", "") == "".join(
        new.split()
    ).replace(",", "")


@settings(deadline=None)
@given(st.lists(st.sampled_from(BODIES), min_size=1), st.integers(1, 100))
def test_broken_code_means_the_same(lines: list[str], length: int) -> None:
    code = "async def f():\n" + "".join(f"    {line}\n" for line in "\n".join(lines).split("\n"))
    assert ast.dump(ast.parse(broken("", code, length))) == ast.dump(ast.parse(code))


@pytest.mark.parametrize(
    ("files", "length"),
    [
        ({}, None),
        ({"pyproject.toml": "[project]\nname = 'shop'\n"}, None),
        ({"pyproject.toml": "[tool.black]\n"}, 88),
        ({"pyproject.toml": "[tool.black]\nline-length = 99\n"}, 99),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 120\n[tool.black]\n"}, 120),
        ({"ruff.toml": "line-length = 70\n", "pyproject.toml": "[tool.black]\n"}, 70),
        ({"pyproject.toml": "[tool.black]\nline-length = 'long'\n"}, 88),
        ({"pyproject.toml": "[tool.black\n"}, None),
        ({"pyproject.toml": "tool = 3\n"}, None),
    ],
)
def test_length_is_that_of_the_configuration(
    tmp_path: Path, files: dict[str, str], length: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert line_length_in(str(tmp_path)) == length


CODE = """\
import threading

from flask import Flask, request

app = Flask(__name__)


def work(name):
    print(name, request.args["user"])


@app.get("/")
def index():
    threading.Thread(target=work, args=("a",), daemon=True).start()
    return ""
"""


def test_fixes_keep_to_the_length_of_the_nearest_project(tree: Write) -> None:
    tree({"pyproject.toml": "[tool.black]\nline-length = 72\n", "app.py": CODE})
    CliRunner().invoke(main, ["--apply", "app.py"])
    text = Path("app.py").read_text()
    assert text.count("copy_current_request_context") == 2
    assert max(map(len, text.splitlines())) <= 72
    assert text == _formatted(text, 72)


def _formatted(code: str, length: int) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={length}", "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout
