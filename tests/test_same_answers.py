"""A project gets the same answer in whatever order, in how many processes and of which files.

The engine runs on small programs of ours: `tests.same.programs` makes them, and `tests.same.orders`
runs the engine with files, rules and questions in an order by chance. What takes long is marked as
`network`, as what downloads is, and runs with it.
"""

from __future__ import annotations

import http
import json
import os
import re
import shutil
import subprocess
import sys
import wsgiref
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import chain, permutations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies

from flask_ctxfix import engine
from flask_ctxfix.outcome import Outcome
from flask_ctxfix.settings import load
from tests.same import programs
from tests.same.orders import (
    Fixable,
    answer,
    by_file,
    findings,
    fixes,
    places,
    run,
    run_mixed,
    write,
)

FIXTURES = Path(__file__).with_name("fixtures")
ORDERS = 20
GENERATED = range(30)
# Those of the generated projects that are asked in all orders also where time is short.
MOST_ASKED = (3, 6)
LENGTHS = [3, 16, 45, 200, 2000]
MARKS = ["pyproject.toml", "setup.cfg", "setup.py", "requirements.txt", ".git/HEAD"]
WORDS = "Thread submit celery delay request session current_app push global SERVER_NAME"
# What comments say of contexts and of jobs, and what licences say.
SENTENCES = (
    "called for each request of the Celery scheduler, with app.app_context(): ctx.push()",
    "getattr(self, name) of Flask(__name__) and Celery(__name__), by task_prerun and app.ctx.pop",
    "def lambda teardown_appcontext appcontext_pushed url_defaults sentry_sdk.integrations.flask",
    "except in compliance with the License; see request.stream, request.files and FileField",
)
# What is found in programs, by the way that is long in them, and the fix.
FOUND = {
    "read behind a write": ("CTX501", "safe"),
    "writing": ("CTX501", "safe"),
    "quiet": ("CTX303", "safe"),
    "not quiet": ("CTX303", "unsafe"),
    "late": ("CTX601", "unsafe"),
    "late in parts": ("CTX601", "unsafe"),
    "endless": ("CTX101", None),
    "unwrapping": ("CTX103", None),
    "started once": ("CTX101", None),
    "ready hook": ("CTX404", "unsafe"),
    "hook": ("CTX404", None),
}
_IMPORT_LINE = re.compile(r"^.*\bimport\b.*$\n", re.MULTILINE)
RELEASES = [
    "Flask-Admin==1.6.1",
    "Flask-AppBuilder==4.5.0",
    "Flask-MonitoringDashboard==3.3.0",
    "Flask-Security-Too==5.5.2",
    "changedetection.io==0.45.1",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one."""
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return path


@pytest.fixture(params=[2, 4])
def processes(folder: Path, request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Return an executor whose processes, which start when they are used, share the folder."""
    with ProcessPoolExecutor(request.param) as pool:
        yield pool


def python_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))


def check_orders(orders: range, inner: Executor | None = None, *, questions: int = 4) -> None:
    """Check that what lies below the current folder gets the same answer in each order."""
    outcome = run()
    usual = findings(outcome)
    other = {order: run_mixed(order, inner=inner, questions=questions) for order in orders}
    differ = [order for order, mixed in other.items() if findings(mixed) != usual]
    if differ:
        assert fixes(other[differ[0]]) == fixes(outcome), differ
    assert differ == []
    assert answer(other[orders[-1]]) == answer(outcome)


def check_alone(folder: Path, paths: list[str]) -> None:
    """Check that the tool says of each file alone what it says of it in the project."""
    outcome = run()
    whole, kinds = by_file(outcome), fixes(outcome)
    for path in paths:
        alone = run(path)
        assert fixes(alone).get(path) == kinds.get(path), path
        assert by_file(alone).get(path) == whole.get(path), path


# Circles.


@pytest.mark.parametrize("is_second_first", [False, True])
@pytest.mark.parametrize("is_turned", [False, True])
def test_functions_that_call_each_other(
    folder: Path, is_second_first: bool, is_turned: bool
) -> None:
    functions = programs.recursive()
    views = [
        programs.view("one", programs.starting("first")),
        programs.view("two", programs.starting("second")),
    ]
    files = programs.in_one_file(
        functions[::-1] if is_turned else functions, views[::-1] if is_second_first else views
    )
    write(files, folder)
    outcome = run()
    assert places(outcome) == ["app.py one", "app.py two"]
    # `first` always reads the request; `second` does so only if it calls the first.
    text = files["app.py"].splitlines()
    found = {
        text[row - 2].split()[1]: applicability
        for _, row, applicability in fixes(outcome)["app.py"]
    }
    assert found == {"one():": "safe", "two():": "unsafe"}
    check_orders(range(ORDERS))


def test_many_views_over_functions_that_call_each_other(folder: Path) -> None:
    write(programs.many_views(24), folder)
    assert places(run()) == [f"v{number:02}.py view{number}" for number in range(24)]
    check_orders(range(ORDERS))
    check_alone(folder, ["v00.py", "v01.py", "v23.py"])


def test_many_views_in_several_processes(folder: Path, processes: Executor) -> None:
    write(programs.many_views(24), folder)
    check_orders(range(3), processes)
    assert len(places(run(executor=processes))) == 24


def test_the_fix_of_a_circle_can_be_applied(folder: Path) -> None:
    views = [
        programs.view("one", programs.starting("first")),
        programs.view("two", programs.starting("second")),
    ]
    write(programs.in_one_file(programs.recursive(), views), folder)
    outcome = engine.run(load({"paths": ["."]}), "apply")
    assert [str(error) for error in outcome.errors] == []
    assert places(run()) == ["app.py two"]
    outcome = engine.run(load({"paths": ["."], "unsafe-fixes": True}), "apply")
    assert [str(error) for error in outcome.errors] == []
    assert places(run()) == []


def test_two_views_over_one_module(folder: Path) -> None:
    write(programs.many_views(2), folder)
    assert places(run()) == ["v00.py view0", "v01.py view1"]
    check_alone(folder, python_files(folder))


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("is_second_asked", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "statement", "expected"),
    [
        (
            "with app.app_context():\n    second(x)",
            "with app.app_context():\n    first(x)",
            "{}(1)",
            ["app.py first", "app.py second"],
        ),
        (
            "if x:\n    return second(x)\nreturn x",
            "return first(x)",
            "KEPT.append({}(request.args))",
            ["app.py one", "app.py two"],
        ),
        (
            "if x:\n    return second(x)\nKEPT.append(x)",
            "return first(x)",
            "{}(request.args)",
            ["app.py first"],
        ),
        (
            "if x:\n    return second(x)\nreturn work",
            "return first(x)",
            "threading.Thread(target={}(1)).start()",
            ["app.py one", "app.py two"],
        ),
    ],
    ids=["callers", "data", "arguments", "results"],
)
def test_circles_of_other_kinds(
    folder: Path,
    first: str,
    second: str,
    statement: str,
    expected: list[str],
    is_turned: bool,
    is_second_asked: bool,
) -> None:
    functions = [
        programs.function("first", first, parameters="x"),
        programs.function("second", second, parameters="x"),
    ]
    names = ["second", "first"] if is_second_asked else ["first", "second"]
    views = [
        programs.view(number, statement.format(name))
        for number, name in zip(("one", "two"), names, strict=True)
    ]
    rest = ["KEPT = []", programs.function("work", "print(request.args)")]
    write(
        programs.in_one_file([*rest, *(functions[::-1] if is_turned else functions)], views), folder
    )
    assert places(run()) == expected
    write(programs.in_one_file([*rest, *functions], views[:1]), folder)
    found = set(places(run()))
    assert found == {*expected} - ({"app.py two"})


# Chains.


@pytest.mark.parametrize("is_backwards", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_chains_of_calls(folder: Path, length: int, is_backwards: bool) -> None:
    functions = programs.chain(length, backwards=is_backwards)
    targets = ["f0", f"f{length // 2}", f"f{length - 1}"]
    views = [programs.view(f"start_{target}", programs.starting(target)) for target in targets]
    for turned in permutations(views) if length < 2000 else [views, views[::-1]]:
        write(programs.in_one_file(functions, turned), folder)
        outcome = run()
        assert outcome.errors == []
        assert places(outcome) == sorted(f"app.py start_{target}" for target in targets)
        found = fixes(outcome)["app.py"]
        assert [applicability for _, _, applicability in found] == ["safe"] * 3


@pytest.mark.parametrize("is_backwards", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("result", "CTX101 one"),
        ("data", "CTX504 one"),
        ("argument", "CTX504 step{}"),
        ("caller", "CTX303 step{}"),
    ],
)
def test_chains_of_other_kinds(
    folder: Path, kind: str, where: str, length: int, is_backwards: bool
) -> None:
    write(programs.relay(kind, length, is_backwards=is_backwards), folder)
    outcome = run()
    assert outcome.errors == []
    code, _, name = where.format(length - 1).partition(" ")
    assert places(outcome) == places(outcome, code) == [f"app.py {name}"]


@pytest.mark.parametrize("length", [6, 48, 200])
def test_chains_through_modules(folder: Path, length: int) -> None:
    write(programs.chained_modules(length, 5), folder)
    assert places(run()) == ["views.py one"]
    check_orders(range(3))
    check_alone(folder, python_files(folder))


@pytest.mark.parametrize("length", LENGTHS)
def test_many_names_of_one_function(folder: Path, length: int) -> None:
    write(programs.renamed(length), folder)
    outcome = run()
    assert outcome.errors == []
    assert places(outcome) == ["app.py one"]


@pytest.mark.parametrize("length", [3, 16, 45])
def test_a_function_that_many_modules_hand_on(folder: Path, length: int) -> None:
    write(programs.exported(length), folder)
    outcome = run()
    assert outcome.errors == []
    assert places(outcome) == ["views.py one"]
    check_alone(folder, ["views.py"])


@pytest.mark.parametrize("is_turned", [False, True])
@pytest.mark.parametrize("count", [3, 59, 60, 200])
def test_many_uses_in_one_function(folder: Path, count: int, is_turned: bool) -> None:
    """What is written to the session is lost in a copy of the context: no fix is right."""
    write(programs.many_uses(count, is_turned=is_turned), folder)
    outcome = run()
    assert [(code, fix) for code, _, fix in fixes(outcome)["app.py"]] == [("CTX101", None)]


def kinds_of(files: programs.Files, folder: Path) -> list[tuple[str, str, str | None]]:
    """Return what is found in a program: the file, the rule and the kind of the fix."""
    for path in folder.glob("*.py"):
        path.unlink()
    write(files, folder)
    outcome = run()
    assert outcome.errors == []
    return [(path, code, fix) for path, each in fixes(outcome).items() for code, _, fix in each]


@pytest.mark.parametrize("is_backwards", [False, True])
@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("kind", programs.WAYS)
def test_ways_of_any_length(folder: Path, kind: str, is_circle: bool, is_backwards: bool) -> None:
    short = kinds_of(programs.way(kind, 2), folder)
    assert short == ([("app.py", *FOUND[kind])] if kind in FOUND else [])
    for length in (3, 20, 200) if is_backwards or not is_circle else (3, 200, 1500):
        files = programs.way(kind, length, is_circle=is_circle, is_backwards=is_backwards)
        assert kinds_of(files, folder) == short, length


@pytest.mark.parametrize("is_circle", [False, True])
@pytest.mark.parametrize("kind", programs.WAYS)
def test_ways_through_modules(folder: Path, kind: str, is_circle: bool) -> None:
    short = kinds_of(programs.way_through_modules(kind, 4), folder)
    files = programs.way_through_modules(kind, 45, is_circle=is_circle)
    assert kinds_of(files, folder) == short
    check_orders(range(3))


@pytest.mark.parametrize("is_backwards", [False, True])
@pytest.mark.parametrize(("called", "fix"), [("first()", "safe"), ("second()", "safe"), ("", None)])
def test_a_circle_that_reads_what_others_wrote(
    folder: Path, called: str, fix: str | None, is_backwards: bool
) -> None:
    """Who calls functions that only call each other is not known."""
    slot, load = "current = None\n", "    global current\n    current = request.args['a']\n"
    functions = [
        programs.function("first", "if x:", "    second()", "print(current)", parameters="x=1"),
        programs.function("second", "first(0)"),
    ]
    if is_backwards:
        functions.reverse()
    views = [programs.view("one", "load()", f"{called or 'pass'}", "print(current)")]
    program = programs.in_one_file([slot, f"def load():\n{load}", *functions], views)
    assert kinds_of(program, folder) == [("app.py", "CTX501", fix)]
    check_orders(range(3))


@pytest.mark.parametrize(
    ("kind", "code", "fix"),
    [("state", "CTX101", None), ("proxy", "CTX103", "unsafe"), ("file", "CTX103", None)],
)
def test_names_in_a_row(folder: Path, kind: str, code: str, fix: str | None) -> None:
    short = kinds_of(programs.names_in_a_row(kind, 1), folder)
    assert short == [("app.py", code, fix)]
    for length in (20, 200, 1500):
        assert kinds_of(programs.names_in_a_row(kind, length), folder) == short


@pytest.mark.parametrize("is_served", [False, True])
def test_modules_that_import_each_other_in_a_row(folder: Path, is_served: bool) -> None:
    """A context that is pushed for a script is no more than information."""
    for length in (3, 20, 200):
        files = programs.importing_modules(length, is_served=is_served)
        expected = [("part0.py", "CTX301", "unsafe")] if is_served else []
        assert kinds_of(files, folder) == expected, length
    check_orders(range(2))


def test_chains_in_several_orders(folder: Path) -> None:
    targets = ["f0", "f22", "f44"]
    views = [programs.view(f"start_{target}", programs.starting(target)) for target in targets]
    write(programs.in_one_file(programs.chain(45), views), folder)
    check_orders(range(ORDERS))


# Programs by chance.


@pytest.mark.parametrize("seed", GENERATED[::3])
def test_generated_projects_in_any_order(folder: Path, seed: int) -> None:
    write(programs.generated(seed), folder)
    check_orders(range(ORDERS if seed in MOST_ASKED else 3))


def test_generated_projects_in_several_processes(folder: Path, processes: Executor) -> None:
    for seed in GENERATED[::6]:
        write(programs.generated(seed), folder)
    check_orders(range(1), processes)
    assert answer(run(executor=processes)) == answer(run())


@pytest.mark.parametrize("seed", GENERATED[1::3])
def test_each_file_of_generated_projects_alone(folder: Path, seed: int) -> None:
    write(programs.generated(seed), folder)
    check_alone(folder, python_files(folder))


@pytest.mark.parametrize("seed", GENERATED[::10])
def test_words_in_comments_change_nothing(folder: Path, seed: int) -> None:
    files = {path: text for path, text in programs.generated(seed).items() if path.endswith(".py")}
    write({path: f"{text}\n# nothing\n" for path, text in files.items()}, folder)
    usual = answer(run())
    write({path: f"{text}\n# {WORDS}\n" for path, text in files.items()}, folder)
    assert answer(run()) == usual


@pytest.mark.parametrize("seed", GENERATED[2::10])
def test_unrelated_files_change_nothing(folder: Path, seed: int) -> None:
    """Neither of the standard library, nor such as have every name of the project, but no Flask."""
    files = programs.generated(seed)
    write(files, folder)
    usual = answer(run())
    for package in (http, json, wsgiref):
        shutil.copytree(Path(package.__file__).parent, folder / "others" / package.__name__)
    for number, text in enumerate(files.values()):
        write({f"others/same{number}.py": _IMPORT_LINE.sub("", text)}, folder)
    assert answer(run()) == usual


@pytest.mark.parametrize("code", ["CTX101", "CTX201", "CTX303", "CTX401", "CTX501", "CTX601"])
def test_sentences_in_comments_change_nothing(
    folder: Path, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "".join(f"# {each}\n" for each in SENTENCES)
    for case in sorted((FIXTURES / code).iterdir())[::9]:
        program = folder / case.name
        shutil.copytree(case / "before", program)
        monkeypatch.chdir(program)
        usual = run()
        files = {path: (program / path).read_text() for path in python_files(program)}
        write({path: f"{text}{said}" for path, text in files.items()}, program)
        (program / "notes.py").write_text(said)
        assert fixes(run()) == fixes(usual) != {}
        # The blank lines that go with an import are others where something stands below them.
        assert _without_edits(run()) == _without_edits(usual)


def _without_edits(outcome: Outcome) -> dict[str, list[Any]]:
    found = by_file(outcome)
    for each in chain(*found.values()):
        each["fix"] = {**(each["fix"] or {}), "edits": []}
    return found


@pytest.mark.parametrize("mark", ["", "alone/requirements.txt", "alone/.git/HEAD"])
def test_a_package_says_the_same_from_inside(
    folder: Path, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever marks it: its modules import each other by its name."""
    write({"alone/__init__.py": "", "alone/store.py": "ITEMS = []\n"}, folder)
    view = "@app.route('/')\ndef view():\n    store.ITEMS.append(request.args['x'])\n"
    text = "from flask import Flask, request\nfrom alone import store\napp = Flask(__name__)\n"
    write({"alone/views/__init__.py": "", "alone/views/app.py": text + view}, folder)
    write({mark: ""} if mark else {}, folder)
    usual = fixes(run())
    assert usual.keys() == {"alone/views/app.py"}
    assert fixes(run("alone")) == fixes(run("alone/views/app.py")) == usual
    monkeypatch.chdir("alone/views")
    assert fixes(run()) == {"app.py": usual["alone/views/app.py"]}


@pytest.mark.parametrize("seed", GENERATED[1::10])
def test_other_spellings_of_the_paths_change_nothing(
    folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(programs.generated(seed), folder)
    usual = answer(run())
    assert answer(run(f"site{seed}")) == usual
    shuffled = python_files(folder)
    Random(seed).shuffle(shuffled)
    assert answer(run(*shuffled)) == usual
    absolute = answer(run(str(folder)))
    assert absolute.replace(f"{folder}/".encode(), b"") == usual
    kinds = fixes(run())
    monkeypatch.chdir(f"site{seed}")
    assert {f"site{seed}/{path}": found for path, found in fixes(run()).items()} == kinds
    above = {path.removeprefix("../"): found for path, found in fixes(run("..")).items()}
    assert above == kinds


def test_generated_projects_have_findings_of_all_families(folder: Path) -> None:
    for seed in GENERATED[:10]:
        write(programs.generated(seed), folder)
    outcome = run()
    codes = {each.finding.code[:4] for result in outcome.results for each in result.findings}
    assert codes == {f"CTX{family}" for family in range(1, 7)}
    assert outcome.errors == []


def test_hashes_change_nothing(folder: Path) -> None:
    """The order of sets depends on them."""
    for seed in GENERATED[::10]:
        write(programs.generated(seed), folder)
    assert len({_command(".", PYTHONHASHSEED=value) for value in ("0", "1")}) == 1


def _command(*arguments: str, **environment: str) -> bytes:
    command = [sys.executable, "-m", "flask_ctxfix", *arguments, "--output-format", "json", "-q"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout


# Which project a file belongs to.


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("deep", ["v00.py", "app/inner/v00.py"])
def test_a_file_knows_its_project(folder: Path, mark: str, deep: str) -> None:
    files = programs.many_views(2)
    del files["requirements.txt"]
    # The file itself does not say that this is Flask.
    work = files.pop("work.py")
    views = files.pop("v00.py")
    below = deep.removesuffix("v00.py")
    files = {f"{below}{path}": text for path, text in files.items()}
    write({**files, mark: "", f"{below}work.py": work, deep: views}, folder)
    assert places(run(deep)) == [f"{deep} view0"]
    check_alone(folder, python_files(folder))


def test_projects_of_one_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two projects have modules of the same names; each file is one of its own project."""
    files = {".git/HEAD": "ref: refs/heads/main\n"}
    for project, work in (("one", "print(request.args)"), ("two", "print(n)")):
        own = programs.many_views(2)
        own["work.py"] = "from flask import request\n\n" + "".join(
            programs.function(name, work, parameters="n=1") for name in ("first", "second")
        )
        files |= {f"{project}/{path}": text for path, text in own.items()}
    write(files, folder)
    expected = ["one/v00.py view0", "one/v01.py view1"]
    assert places(run()) == places(run("one")) == places(run("two", "one")) == expected
    assert places(run("two")) == []
    check_alone(folder, python_files(folder))
    kinds = fixes(run("one"))
    monkeypatch.chdir("one")
    assert {f"one/{path}": found for path, found in fixes(run()).items()} == kinds
    assert fixes(run("v01.py"))["v01.py"] == kinds["one/v01.py"]


@pytest.mark.parametrize(
    "imports", ["from . import views, work", "from pkg import views, work", "import pkg.views"]
)
def test_layouts_of_packages(folder: Path, imports: str) -> None:
    make = "\n\n\ndef create_app():\n    app = Flask(__name__)\n    return app\n"
    view = 'bp = Blueprint("v", __name__)\n\n\n@bp.get("/")\ndef v():\n'
    start = "    Thread(target=work.run).start()\n    return ''\n"
    files = {
        "pyproject.toml": "",
        "pkg/__init__.py": f"from flask import Flask\n{imports}{make}",
        "pkg/work.py": "from flask import current_app\n\n\ndef run():\n    current_app.name\n",
        "pkg/views.py": "from threading import Thread\nfrom flask import Blueprint\n"
        f"from . import work\n\n{view}{start}",
    }
    write(files, folder)
    assert places(run()) == ["pkg/views.py v"]
    check_alone(folder, python_files(folder))
    check_orders(range(3))


# Growth.


def check_growth(folder: Path, counts: list[int]) -> None:
    """Check that what is found in each module stays as it is in a small application."""
    found: dict[int, dict[str, list[Fixable]]] = {}
    for count in counts:
        write(programs.grown(count), folder)
        outcome = run()
        assert outcome.errors == []
        found[count] = fixes(outcome)
    small = found[counts[0]]
    view, helpers = small["shop/m000.py"], small["shop/helpers.py"]
    assert [code for code, _, _ in view].count("CTX101") == 2
    assert {"CTX101", "CTX401", "CTX504"} <= {code for code, _, _ in helpers}
    for count, each in found.items():
        assert each["shop/helpers.py"] == helpers, count
        modules = [f"shop/m{number:03}.py" for number in range(count - 2)]
        assert {path: each.get(path) for path in modules} == dict.fromkeys(modules, view), count


def test_an_application_grows(folder: Path) -> None:
    check_growth(folder, [12, 44, 100])


def test_a_grown_application_in_any_order(folder: Path) -> None:
    write(programs.grown(46), folder)
    check_orders(range(1), questions=1)
    check_alone(folder, ["shop/helpers.py", "shop/m043.py"])


# What can be reached at all.

numbers = strategies.integers(0, 9)
edges = strategies.lists(strategies.tuples(numbers, numbers), max_size=24, unique=True)
few = strategies.lists(numbers, min_size=1, max_size=2, unique=True)
many = strategies.permutations(range(10))


@example([(0, 1), (1, 0)], [0], [0, 1])
@example([(0, 1), (1, 2), (2, 0), (1, 3), (3, 4), (4, 1)], [4], [2, 0, 3, 1, 4])
@given(edges, few, many)
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_findings_are_what_can_be_reached(
    folder: Path, calls: list[tuple[int, int]], reading: list[int], started: list[int]
) -> None:
    write(programs.graph(calls, reading, started), folder)
    expected = programs.reading_starts(calls, reading, started)
    outcome = run_mixed(len(calls), questions=2)
    assert places(outcome, "CTX1") == sorted(f"views.py view{started[place]}" for place in expected)
    assert outcome.errors == []


# What takes longer.


@pytest.mark.network
@pytest.mark.parametrize("seed", GENERATED)
def test_generated_projects_in_all_orders(folder: Path, seed: int, processes: Executor) -> None:
    write(programs.generated(seed), folder)
    check_orders(range(ORDERS))
    check_orders(range(ORDERS), processes)
    check_alone(folder, python_files(folder))


@pytest.mark.network
def test_an_application_grows_large(folder: Path) -> None:
    check_growth(folder, [12, 300])


@pytest.mark.network
def test_a_grown_application_in_all_orders(folder: Path, processes: Executor) -> None:
    write(programs.grown(300), folder)
    check_orders(range(ORDERS), processes)


@pytest.mark.network
@pytest.mark.parametrize("release", RELEASES)
def test_real_packages(folder: Path, release: str, processes: Executor) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, f"--target={folder}", release], check=True)
    write(programs.REQUIREMENTS, folder)
    check_orders(range(ORDERS), processes)
    files = python_files(folder)
    some = {*Random(release).sample(files, 5), *list(by_file(run()))[:5]}
    check_alone(folder, sorted(some))
